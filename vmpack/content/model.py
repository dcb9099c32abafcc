"""The payload as a flat list, before a byte of it is read."""

from dataclasses import dataclass
from typing import Literal

EntryKind = Literal["file", "directory", "symlink"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system said of a file when it was listed; any difference later means it changed."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is packed: owner root, mode normalised, no time of its own."""

    path: str
    """Relative to the payload's root, POSIX separators, no leading or trailing slash, never ``..``."""
    kind: EntryKind
    mode: int
    """0o755 or 0o644 for files, 0o755 for directories, 0o777 for symlinks."""
    size: int = 0
    """Bytes; 0 for directories and symlinks."""
    source: str = ""
    """The file to read, as the operating system names it."""
    target: str = ""
    """What a symlink points to, as written."""
    stamp: Stamp | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that is packed, sorted by the UTF-8 bytes of the path (so a directory precedes its children)."""

    entries: tuple[Entry, ...]
    size: int
    """The sum of all file sizes in bytes."""
