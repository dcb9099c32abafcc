"""Stamps: what the file system says of a file or folder, so that a change can be told without reading it.

A stamp whose times are not clearly older than the moment it was taken proves nothing: the file may change again
without its stamp telling ("racy git").
"""

import os
import struct
from array import array
from collections.abc import Iterator

Stamp = bytes
"""Device, inode, size and times, packed for this machine; any difference later means that the file changed."""

STAMP_SIZE = 40
MARGIN_NS = 2 * 10**9
"""Two seconds: the coarsest clock of a file system in use (FAT)."""
_STAMP = struct.Struct("=QQqqq")
_FIELDS = 5
_MODIFIED, _CHANGED = 3, 4


def stamp_of(status: os.stat_result) -> Stamp:
    """Take the stamp of a file, from a directory listing or an open descriptor alike."""
    if os.name == "nt":
        # Windows' directory listings know neither device nor inode.
        return _STAMP.pack(0, 0, status.st_size, status.st_mtime_ns, 0)
    return _STAMP.pack(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def times(stamps: bytes) -> Iterator[int]:
    """Give for each of many joined stamps the later of its times, in nanoseconds since 1970."""
    return map(max, *_columns(stamps))


def newest_time(stamps: bytes) -> int:
    """Give the latest of all times in joined stamps; 0 for none."""
    return max((max(column, default=0) for column in _columns(stamps)), default=0)


def _columns(stamps: bytes) -> "tuple[array[int], array[int]]":
    fields = array("q", stamps)
    return fields[_MODIFIED::_FIELDS], fields[_CHANGED::_FIELDS]
