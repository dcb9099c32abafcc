"""The MD5 of parcels that an earlier build hashed, so that a rebuild hashes only what changed.

A damaged or foreign file is an empty one; a failure to write is silent, because a build can do without.
"""

import contextlib
import hashlib
import os
import struct

from vmpack.atomic import write_whole

_MAGIC = b"vmpack sums 1\n"
_CHECK = 32
_ROW = struct.Struct("32s16s")


class KnownSums:
    """What the last build from one folder knows of its parcels, by a key that names their bytes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._before = _load(path)
        self._now: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """Give the MD5 of a parcel, if it is known."""
        return self._before.get(key)

    def put(self, key: bytes, md5: bytes) -> None:
        """Note the MD5 of a parcel of this build."""
        self._now[key] = md5

    def save(self) -> None:
        """Keep what this build noted for the next one."""
        if self._now == self._before:
            return
        rows = b"".join(_ROW.pack(*row) for row in self._now.items())
        with contextlib.suppress(OSError):
            write_whole(self._path, _MAGIC, hashlib.sha256(rows).digest(), rows)


def _load(path: str) -> dict[bytes, bytes]:
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.read()
        os.utime(path)
    except OSError:
        return {}
    start = len(_MAGIC) + _CHECK
    rows = data[start:]
    if data[:start] != _MAGIC + hashlib.sha256(rows).digest() or len(rows) % _ROW.size:
        return {}
    return dict(_ROW.iter_unpack(rows))
