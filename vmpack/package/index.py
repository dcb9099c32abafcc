"""Which files have not changed since an earlier build, in the manner of git's index: by their stamps.

A file whose time is not clearly older than the build may change again without its stamp telling; it is not
written down and is read anew the next time ("racy git"). A damaged or foreign index is an empty one.
"""

import contextlib
import hashlib
import os
from collections.abc import Sequence

from vmpack.atomic import write_whole
from vmpack.content.model import Entry
from vmpack.package.archive import Digest
from vmpack.stamps import MARGIN_NS, STAMP_SIZE, stamp_time

_MAGIC = b"vmpack index 2\n"
_DIGEST = 32


class FileIndex:
    """What an earlier build from the same folder knows of the files that are packed now."""

    def __init__(self, path: str, entries: Sequence[Entry]) -> None:
        self._path = path
        self._entries = entries
        files = [entry for entry in entries if entry.stamp is not None]
        paths, stamps, digests = _load(path)
        self._is_exact = paths == [entry.path for entry in files] and stamps == b"".join(
            entry.stamp for entry in files if entry.stamp
        )
        positions = dict(zip(paths, range(len(paths)), strict=True))
        self.known: list[Digest | None] = []
        """For each entry the sha256 that fits its stamp, None where there is none."""
        for entry in entries:
            at = positions.get(entry.path)
            if at is not None and stamps[STAMP_SIZE * at : STAMP_SIZE * (at + 1)] == entry.stamp:
                self.known.append(digests[_DIGEST * at : _DIGEST * at + _DIGEST])
            else:
                self.known.append(None)

    def save(self, digests: Sequence[Digest | None], began_ns: int) -> None:
        """Write the index for the next build, if it can be; ``began_ns`` is a time before they were read."""
        if self._is_exact:
            return
        trusted = began_ns - MARGIN_NS
        stamps = [
            entry.stamp if entry.stamp and digest and stamp_time(entry.stamp) < trusted else None
            for entry, digest in zip(self._entries, digests, strict=True)
        ]
        paths = [entry.path for entry, stamp in zip(self._entries, stamps, strict=True) if stamp]
        known = [digest for digest, stamp in zip(digests, stamps, strict=True) if stamp and digest]
        parts = (
            len(paths).to_bytes(8, "little"),
            b"".join(filter(None, stamps)),
            b"".join(known),
            "\0".join(paths).encode(),
        )
        digest = hashlib.sha256()
        for part in parts:
            digest.update(part)
        with contextlib.suppress(OSError):
            write_whole(self._path, _MAGIC, digest.digest(), *parts)


def _load(path: str) -> tuple[list[str], bytes, bytes]:
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read()
        os.utime(path)
    except OSError:
        return [], b"", b""
    start = len(_MAGIC) + _DIGEST
    body = memoryview(data)[start:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : start] != hashlib.sha256(body).digest():
        return [], b"", b""
    count = int.from_bytes(body[:8], "little")
    if count == 0:
        return [], b"", b""
    ends = 8 + STAMP_SIZE * count
    names = ends + _DIGEST * count
    return bytes(body[names:]).decode().split("\0"), bytes(body[8:ends]), bytes(body[ends:names])
