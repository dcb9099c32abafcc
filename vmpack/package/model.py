"""The package as values: what goes in, and what is known of the bytes that came out."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from vmpack.types import Os, PayloadFormat
from vmpack.values import dataclass

if TYPE_CHECKING:
    # Publishing reads blocks and parcels, and needs nothing that lists payloads.
    from vmpack.content.model import Content, EntryKind

DEFAULT_MTIME = 315532800
"""1980-01-01T00:00:00Z, the first moment that tar and zip can both store."""


@dataclass(frozen=True, slots=True)
class Member:
    """A small file that stands before the payload: ``vmapp.json``, ``lifecycle/install.sh``."""

    name: str
    data: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class PackageRequest:
    """Everything that determines a package's bytes."""

    os: Os
    format: PayloadFormat
    level: int | None
    content: "Content"
    members: tuple[Member, ...] | Callable[[], tuple[Member, ...]]
    """In the order they are written, ``vmapp.json`` first; the package room adds ``files`` itself.

    A function is called once, while the first segments are already being compressed.
    """
    mtime: int = DEFAULT_MTIME
    """Seconds since 1970 for every member: SOURCE_DATE_EPOCH or the fixed time."""
    limit: int = 1 << 30
    """Largest package in bytes."""


class FileRecord(NamedTuple):
    """One line of the ``files`` member (a named tuple because there may be 100,000)."""

    path: str
    kind: "EntryKind"
    mode: int
    size: int
    sha256: str
    """Hex; empty for directories and symlinks."""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the package that keeps its bytes when other parts change: the unit of upload and of reuse."""

    offset: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """Neighbouring blocks that travel to storage as one, when none of them is there yet."""

    offset: int
    size: int
    md5: str
    """What storage holds the bytes against when they arrive."""


BlockObserver = Callable[[Block, bytes], None]
"""Called once for each block as soon as its bytes are final, in any order of offset, from any thread."""


@dataclass(frozen=True, slots=True)
class Segments:
    """How many segments the payload has, and how many of them came out of the cache."""

    total: int
    reused: int


@dataclass(frozen=True, slots=True)
class WrittenPackage:
    """What the one pass over the data yields."""

    size: int
    sha256: str
    blocks: tuple[Block, ...]
    """Ascending, without gaps, covering the whole package."""
    parcels: tuple[Parcel, ...]
    """Ascending; blocks that are cut before they travel are in none."""
    segments: Segments
