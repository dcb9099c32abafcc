"""The payload as a flat list, before a byte of it is read."""

import os
import struct
from typing import Literal, NamedTuple

from vmpack.findings import Finding
from vmpack.values import dataclass

EntryKind = Literal["file", "directory", "symlink"]


Stamp = bytes
"""What the file system said of a file when it was listed, packed; any difference later means it changed."""

_STAMP = struct.Struct("<QQqqq")


def stamp_of(status: os.stat_result) -> Stamp:
    """Take the stamp of a file, from a directory listing or an open descriptor alike."""
    if os.name == "nt":
        # Windows' directory listings know neither device nor inode.
        return _STAMP.pack(0, 0, status.st_size, status.st_mtime_ns, 0)
    return _STAMP.pack(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def stamp_time(stamp: Stamp) -> int:
    """Give the later of the two times in a stamp, in nanoseconds since 1970."""
    *_, modified, changed = _STAMP.unpack(stamp)
    return int(max(modified, changed))


# A named tuple, not a dataclass: a payload may have 100,000 entries, and a frozen dataclass takes four times as
# long to make.


class Entry(NamedTuple):
    """One thing that is packed: owner root, mode normalised, no time of its own."""

    path: str
    """Relative to the payload's root, POSIX separators, no leading or trailing slash, never ``..``."""
    kind: EntryKind
    mode: int
    """0o755 or 0o644 for files, 0o755 for directories, 0o777 for symlinks."""
    size: int = 0
    """Bytes; 0 for directories and symlinks."""
    target: str = ""
    """What a symlink points to, as written."""
    stamp: Stamp | None = None
    """None for directories and symlinks, which have nothing to read."""


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that is packed, sorted by the UTF-8 bytes of the path (so a directory precedes its children)."""

    root: str
    """The folder that every path is relative to, absolute; the file to read is ``root/path``."""
    entries: tuple[Entry, ...]
    size: int
    """The sum of all file sizes in bytes."""
    warnings: tuple[Finding, ...] = ()
    """What is packed as asked but is probably not meant: a ``.git`` folder."""
