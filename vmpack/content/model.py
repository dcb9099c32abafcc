"""The payload as a flat list, before a byte of it is read."""

from typing import Literal, NamedTuple

from vmpack.findings import Finding
from vmpack.stamps import Stamp
from vmpack.values import dataclass

EntryKind = Literal["file", "directory", "symlink"]


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
    seen: tuple[tuple[str, Stamp], ...] = ()
    """Every folder listed and every ignore file read, absolute, each with the stamp it had before.

    While these stand, listing again finds the same paths.
    """
