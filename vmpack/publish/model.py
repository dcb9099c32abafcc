"""What travels through publishing: pieces of a file, what storage already has, the plan, and the outcome."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Literal

from vmpack.findings import Finding
from vmpack.package.model import Block
from vmpack.values import dataclass, field

ReadAt = Callable[[int, int], bytes]
"""``read_at(offset, size)`` gives exactly that many bytes, or raises."""

StepKind = Literal["staged", "copy", "send", "repeat"]


Part = Block
"""A stretch of a file that keeps its bytes from version to version; here by another name, for storage has blocks too."""


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring parts that travel as one block, unless storage has some of them."""

    parts: tuple[Part, ...]
    md5: bytes | None = None
    """Of all their bytes, if the build took it: then nothing needs to be read before it is sent."""


@dataclass(frozen=True, slots=True)
class PartKey:
    """A part as a block id can carry it: the first nine bytes of its sha256, and its size."""

    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class RemoteBlock:
    """A block that storage lists; ``id`` as storage writes it (base64)."""

    id: str
    size: int


@dataclass(frozen=True, slots=True)
class SourceBlob:
    """An older blob of the same application, with the parts its block ids name."""

    name: str
    etag: str
    parts: tuple[tuple[PartKey, int], ...]
    """Each with its offset in that blob."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What storage has before anything is sent."""

    staged: tuple[RemoteBlock, ...] = ()
    """Blocks sent under the final name and not committed, or committed in the blob that is to be replaced."""
    foreign: int = 0
    """Uncommitted blocks of another tool whose ids have another length: storage refuses ours beside them."""
    sources: tuple[SourceBlob, ...] = ()
    notes: tuple[str, ...] = ()
    """Why something could not be looked up, for the person who waits."""


@dataclass(frozen=True, slots=True)
class Step:
    """One block of the blob to be, and how it gets there."""

    kind: StepKind
    id: str
    parts: tuple[Part, ...]
    """Neighbours in the file."""
    reason: str
    md5: bytes | None = None
    """Of its bytes, as far as it is known without reading them."""
    source: SourceBlob | None = None
    source_offset: int = 0

    @property
    def offset(self) -> int:
        """Where the block begins in the file, in bytes."""
        return self.parts[0].offset

    @property
    def size(self) -> int:
        """The block's bytes."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True, slots=True)
class PublishPlan:
    """Every block of one blob in order, and whether leftovers of another tool must go first."""

    steps: tuple[Step, ...]
    clear: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BlobProperties:
    """What a HEAD of a blob tells."""

    size: int
    etag: str
    type: str
    """``BlockBlob``, ``PageBlob`` or ``AppendBlob``."""
    metadata: dict[str, str] = field(default_factory=dict)
    modified: str = ""
    """As storage writes it: ``Mon, 23 Nov 2026 20:00:00 GMT``."""

    @property
    def modified_at(self) -> float:
        """The same in seconds since 1970; 0 where it is missing."""
        try:
            return parsedate_to_datetime(self.modified).timestamp()
        except ValueError:
            return 0.0


@dataclass(frozen=True, slots=True)
class Tally:
    """How much there was and how much of it travelled from here; blocks are the package's own."""

    bytes_total: int = 0
    bytes_sent: int = 0
    blocks_total: int = 0
    blocks_sent: int = 0

    @property
    def bytes_reused(self) -> int:
        """What was in storage; none where more was sent than there is, because storage lost what had arrived."""
        return max(0, self.bytes_total - self.bytes_sent)

    @property
    def blocks_reused(self) -> int:
        """The same in blocks."""
        return max(0, self.blocks_total - self.blocks_sent)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.bytes_total + other.bytes_total,
            self.bytes_sent + other.bytes_sent,
            self.blocks_total + other.blocks_total,
            self.blocks_sent + other.blocks_sent,
        )


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob that is whole and verified."""

    name: str
    url: str
    """Without a signature."""
    size: int
    sha256: str
    etag: str
    tally: Tally
    existed: bool
    """Whether it was there with this content before."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A URL for the gallery. Its text may carry a signature, so it stays out of every ``repr``."""

    url: str = field(repr=False)
    plain: str
    """The same without a signature."""
    expires: str | None = None
    """When the signature ends, in UTC (RFC 3339); None for plain URLs and stored access policies."""


@dataclass(frozen=True, slots=True)
class Links:
    """What the gallery wants to hear."""

    media: Link
    config: Link | None
    findings: tuple[Finding, ...] = ()
    """Warnings: a link that only a managed identity can read, a kind of signature with limits."""

    @property
    def expires(self) -> str | None:
        """When the first of them ends."""
        return min(
            (link.expires for link in (self.media, self.config) if link and link.expires), default=None
        )


@dataclass(frozen=True, slots=True)
class Published:
    """A release whose blobs are stored and whose links work."""

    name: str
    version: str
    package: StoredBlob
    config: StoredBlob | None
    links: Links

    @property
    def tally(self) -> Tally:
        """Package and config together."""
        return self.package.tally + (self.config.tally if self.config else Tally())

    @property
    def notes(self) -> tuple[str, ...]:
        """What the person who waits should know of both, each once."""
        return tuple(dict.fromkeys(self.package.notes + (self.config.notes if self.config else ())))
