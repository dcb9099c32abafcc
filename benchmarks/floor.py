"""The least that a build must do, as a whole process without vmpack: no rules, headers, scripts, cache or reports.

    python benchmarks/floor.py cold TREE OUT       list, read, sha256 and compress every file, write, sha256 the result
    python benchmarks/floor.py changed TREE OUT    look at every file, compress one group; check, copy and sha256 the rest

What `tar | zstd` beats here no program that hashes its sources and its result in Python's process can win back.
"""

import hashlib
import os
import sys
import threading

GROUP = 6 << 20
PIECE = 1 << 20


def files(tree: str) -> list[tuple[str, int]]:
    """Give every file with its size, by one look at each."""
    found = []
    pending = [tree]
    while pending:
        with os.scandir(pending.pop()) as scan:
            for item in scan:
                if item.is_dir(follow_symlinks=False):
                    pending.append(item.path)
                else:
                    found.append((item.path, item.stat(follow_symlinks=False).st_size))
    return sorted(found)


def groups(found: list[tuple[str, int]]) -> list[list[tuple[str, int, int]]]:
    """Deal the files, as path, start and size, into groups that are compressed together."""
    dealt: list[list[tuple[str, int, int]]] = [[]]
    room = GROUP
    for path, size in found:
        for start in range(0, size or 1, GROUP):
            part = min(GROUP, size - start)
            if part > room and dealt[-1]:
                dealt.append([])
                room = GROUP
            dealt[-1].append((path, start, part))
            room -= part
    return dealt


def compressed(group: list[tuple[str, int, int]]) -> bytes:
    """Read, hash and compress one group."""
    import zstandard

    parts = []
    for path, start, size in group:
        descriptor = os.open(path, os.O_RDONLY)
        parts.append(os.pread(descriptor, size, start))
        os.close(descriptor)
        hashlib.sha256(parts[-1]).digest()
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(b"".join(parts))


def cold(tree: str, out: str) -> None:
    """Do a cold build's work on one thread for each core, writing meanwhile; then hash what was written."""
    work = groups(files(tree))
    done: list[bytes] = [b""] * len(work)
    ready = [threading.Event() for _ in work]
    numbers = iter(range(len(work)))
    descriptor = os.open(out, os.O_RDWR | os.O_CREAT | os.O_TRUNC)

    def run() -> None:
        # next() on one iterator from several threads is safe: it is one step of the interpreter.
        for number in numbers:
            done[number] = compressed(work[number])
            ready[number].set()

    for _ in range(os.cpu_count() or 1):
        threading.Thread(target=run).start()
    for number, event in enumerate(ready):
        event.wait()
        os.write(descriptor, done[number])
        done[number] = b""
    _hash(descriptor)


def changed(tree: str, out: str) -> None:
    """Do a rebuild's work: one group is compressed, the rest of the package is checked and copied.

    The library of the command line is loaded, because a build has options. The result cannot be hashed before the
    group is compressed: the package begins with sizes and digests.
    """
    import click  # noqa: F401 - for the time that it takes
    from zlib_ng import zlib_ng

    compressed(groups(files(tree))[0])
    source = os.open(f"{out}.before", os.O_RDONLY)
    descriptor = os.open(out, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    hashing = threading.Thread(target=_hash, args=(source,))
    hashing.start()
    at = 0
    while data := os.pread(source, PIECE, at):
        zlib_ng.crc32(data)
        os.write(descriptor, data)
        at += len(data)
    hashing.join()


def _hash(descriptor: int) -> None:
    digest = hashlib.sha256()
    at = 0
    while data := os.pread(descriptor, PIECE, at):
        digest.update(data)
        at += len(data)


if __name__ == "__main__":
    {"cold": cold, "changed": changed}[sys.argv[1]](*sys.argv[2:])
    os._exit(0)
