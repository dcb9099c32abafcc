"""Which files have not changed since an earlier build, in the manner of git's index: by their stamps.

A file whose time is not clearly older than the build may change again without its stamp telling; it is written down
with a stamp that fits nothing and is read anew the next time ("racy git"). A damaged or foreign index is an empty one.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator, Sequence

from vmpack.atomic import write_whole
from vmpack.content.model import Entry
from vmpack.package.archive import Digest
from vmpack.stamps import MARGIN_NS, STAMP_SIZE, newest_time, stamp_time

_MAGIC = b"vmpack index 3\n"
_DIGEST = 32
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
        changed = set(_differences(stamps, self._stamps))
        self._is_exact = names == self._names and not changed
        for number, at in enumerate(files):
            if number not in changed:
                self.known[at] = digests[_DIGEST * number : _DIGEST * number + _DIGEST]

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


def _differences(one: bytes, other: bytes) -> Iterator[int]:
    """Give the numbers of the stamps that differ; few do, so stretches are compared, and halves of those."""
    pending = [(0, len(other))]
    while pending:
        low, high = pending.pop()
        if one[low:high] == other[low:high]:
            continue
        if high - low <= STAMP_SIZE:
            yield low // STAMP_SIZE
            continue
        middle = (low + high) // 2 // STAMP_SIZE * STAMP_SIZE
        pending += [(low, middle), (middle, high)]


def _trusted(stamps: bytes, before: int) -> bytes:
    """Give the stamps, without those whose time does not lie ``before`` (nanoseconds since 1970)."""
    if newest_time((stamps,)) < before:
        return stamps
    each = (stamps[at : at + STAMP_SIZE] for at in range(0, len(stamps), STAMP_SIZE))
    return b"".join([stamp if stamp_time(stamp) < before else _NEVER for stamp in each])
