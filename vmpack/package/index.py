"""Which files have not changed since an earlier build, in the manner of git's index: by their stamps.

A file whose time is not clearly older than the build may change again without its stamp telling; it is written down
with a stamp that fits nothing and is read anew the next time ("racy git"). A damaged or foreign index is an empty one.
"""

import contextlib
import hashlib
import os
import struct
from collections.abc import Sequence

from vmpack.atomic import write_whole
from vmpack.content.model import Entry
from vmpack.package.archive import Digest
from vmpack.stamps import MARGIN_NS, STAMP_SIZE, times

_MAGIC = b"vmpack index 3\n"
_DIGEST = 32
_EACH_DIGEST = struct.Struct("32s")
_EACH_STAMP = struct.Struct(f"{STAMP_SIZE}s")
_NEVER = bytes(STAMP_SIZE)
"""The stamp of no file."""


class FileIndex:
    """What an earlier build from the same folder knows of the files that are packed now."""

    def __init__(self, path: str, entries: Sequence[Entry]) -> None:
        self._path = path
        files = [at for at, entry in enumerate(entries) if entry.stamp is not None]
        self._names = "\0".join([entries[at].path for at in files]).encode()
        self._stamps = b"".join([entry.stamp for entry in entries if entry.stamp is not None])
        self.known: list[Digest | None] = [None] * len(entries)
        """For each entry the sha256 that fits its stamp, None where there is none."""
        self._is_exact = False
        names, stamps, digests = _load(path)
        if not names:
            return
        if names != self._names:
            stamps, digests = _rearranged(self._names, names, stamps, digests)
        changed = _differences(stamps, self._stamps)
        self._is_exact = names == self._names and not changed
        for at, (digest,) in zip(files, _EACH_DIGEST.iter_unpack(digests), strict=True):
            self.known[at] = digest
        for number in changed:
            self.known[files[number]] = None

    def save(self, digests: Sequence[Digest | None], began_ns: int) -> None:
        """Write the index for the next build, if it can be; ``began_ns`` is a time before they were read."""
        if self._is_exact:
            return
        parts = (
            (len(self._stamps) // STAMP_SIZE).to_bytes(8, "little"),
            _trusted(self._stamps, began_ns - MARGIN_NS),
            b"".join(filter(None, digests)),
            self._names,
        )
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        with contextlib.suppress(OSError):
            write_whole(self._path, _MAGIC, digest.digest(), *parts)


def _load(path: str) -> tuple[bytes, bytes, bytes]:
    """Give names, stamps and digests, each joined."""
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read()
        os.utime(path)
    except OSError:
        return b"", b"", b""
    start = len(_MAGIC) + _DIGEST
    body = memoryview(data)[start:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : start] != hashlib.sha256(body).digest():
        return b"", b"", b""
    count = int.from_bytes(body[:8], "little")
    ends = 8 + STAMP_SIZE * count
    names = ends + _DIGEST * count
    return bytes(body[names:]), bytes(body[8:ends]), bytes(body[ends:names])


def _rearranged(wanted: bytes, names: bytes, stamps: bytes, digests: bytes) -> tuple[bytes, bytes]:
    """Give stamps and digests in the order of other names; what is not known gets a stamp that fits nothing."""
    at = {name: number for number, name in enumerate(names.split(b"\0"))}
    found = [at.get(name) for name in wanted.split(b"\0")]

    def pick(parts: bytes, size: int) -> bytes:
        return b"".join(bytes(size) if n is None else parts[size * n : size * n + size] for n in found)

    return pick(stamps, STAMP_SIZE), pick(digests, _DIGEST)


def _differences(one: bytes, other: bytes) -> list[int]:
    """Give the numbers of the stamps that differ."""
    if one == other:
        return []
    pairs = zip(_EACH_STAMP.iter_unpack(one), _EACH_STAMP.iter_unpack(other), strict=True)
    return [number for number, (this, that) in enumerate(pairs) if this != that]


def _trusted(stamps: bytes, before: int) -> bytes:
    """Give the stamps, with one that fits nothing for those whose time is not ``before`` (nanoseconds since 1970)."""
    trusted = bytearray(stamps)
    for number, time in enumerate(times(stamps)):
        if time >= before:
            trusted[STAMP_SIZE * number : STAMP_SIZE * (number + 1)] = _NEVER
    return bytes(trusted)
