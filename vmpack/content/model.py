"""The payload as a flat list, before a byte of it is read."""

import os
from dataclasses import dataclass
from typing import Literal, NamedTuple

from vmpack.findings import Finding

EntryKind = Literal["file", "directory", "symlink"]


# Stamp and Entry are named tuples, not dataclasses: a payload may have 100,000 of them, and a frozen dataclass
# takes four times as long to make.


class Stamp(NamedTuple):
    """What the file system said of a file when it was listed; any difference later means it changed."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """Take the stamp of a file, from a directory listing or an open descriptor alike."""
        if os.name == "nt":
            # Windows' directory listings know neither device nor inode.
            return cls(0, 0, status.st_size, status.st_mtime_ns, 0)
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


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
