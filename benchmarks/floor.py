"""The least that a build must do, as a whole process without vmpack: no rules, scripts, cache, reports or tar headers.

    python benchmarks/floor.py cold TREE OUT           list, read, sha256 and compress every file, write, sha256 the result
    python benchmarks/floor.py index TREE OUT          note stamp and sha256 of every file
    python benchmarks/floor.py changed TREE OUT FILE   find what differs from the index, list all files with their sha256,
                                                       compress the group of FILE; check, copy and sha256 the rest

What `tar | zstd` beats here no program that hashes its sources and its result in Python's process can win back.
"""

import hashlib
import os
import struct
import sys
import threading

GROUP = 6 << 20
PIECE = 1 << 20
STAMP = struct.Struct("=QQqqq")
Seen = tuple[str, int, bytes]


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


def index(tree: str, out: str) -> None:
    """Note what an earlier build knows of the files: names, stamps and digests, each joined."""
    seen = stamped(tree)
    digests = []
    for path, _, _ in seen:
        with open(path, "rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").digest())
    names = "\0".join(path for path, _, _ in seen).encode()
    parts = (names, b"".join(stamp for _, _, stamp in seen), b"".join(digests))
    with open(f"{out}.index", "wb") as file:
        file.writelines(len(part).to_bytes(8, "little") + part for part in parts)


def stamped(tree: str) -> list[Seen]:
    """Give every file with its size and stamp, by one look at each."""
    found = []
    pending = [tree]
    while pending:
        folder = pending.pop()
        descriptor = os.open(folder, os.O_RDONLY)
        with os.scandir(descriptor) as scan:
            for item in scan:
                path = f"{folder}/{item.name}"
                if item.is_dir(follow_symlinks=False):
                    pending.append(path)
                    continue
                s = item.stat(follow_symlinks=False)
                stamp = STAMP.pack(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
                found.append((path, s.st_size, stamp))
        os.close(descriptor)
    found.sort()
    return found


def differing(seen: list[Seen], out: str) -> tuple[list[int], bytes]:
    """Give the numbers of files that differ from the index, and all digests; names are those of the index."""
    with open(f"{out}.index", "rb") as file:
        names, stamps, digests = (file.read(int.from_bytes(file.read(8), "little")) for _ in range(3))
    if names != "\0".join([path for path, _, _ in seen]).encode():
        raise SystemExit("files came or went: make the index anew")
    old = STAMP.iter_unpack(stamps)
    new = STAMP.iter_unpack(b"".join([stamp for _, _, stamp in seen]))
    return [number for number, (one, other) in enumerate(zip(old, new, strict=True)) if one != other], digests


def listing(seen: list[Seen], digests: bytes) -> bytes:
    """Give the list of files that stands in a package."""
    texts = digests.hex()
    lines = [
        f"./{path} size={size} sha256={texts[64 * number : 64 * number + 64]}\n"
        for number, (path, size, _) in enumerate(seen)
    ]
    return "".join(lines).encode()


def changed(tree: str, out: str, file: str) -> None:
    """Do a rebuild's work: one group is compressed, the rest of the package is checked and copied.

    The library of the command line is loaded, because a build has options. The result cannot be hashed before the
    group is compressed: the package begins with sizes and digests.
    """
    import click  # noqa: F401 - for the time that it takes
    from zlib_ng import zlib_ng

    seen = stamped(tree)
    _, digests = differing(seen, out)
    dealt = groups([(path, size) for path, size, _ in seen])
    group = next(group for group in dealt if any(path == file for path, _, _ in group))
    packing = threading.Thread(target=compressed, args=(group,))
    packing.start()
    head = listing(seen, digests)
    packing.join()
    source = os.open(f"{out}.before", os.O_RDONLY)
    descriptor = os.open(out, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    os.write(descriptor, head)
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
    {"cold": cold, "index": index, "changed": changed}[sys.argv[1]](*sys.argv[2:])
    os._exit(0)
