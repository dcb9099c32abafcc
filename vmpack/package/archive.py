"""What an archive format must answer so that its segments can be planned, keyed, read, encoded and placed."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from vmpack.content.model import Entry

Digest = bytes
"""A sha256, 32 bytes."""

Data = bytes | memoryview
"""Bytes to be written and hashed; a view lasts only until its memory is needed for what comes next."""


class Frame(NamedTuple):
    """A finished segment."""

    data: Data
    """The bytes that go into the package."""
    directory: bytes = b""
    """What the archive must know of the members in it when it is closed; empty for tar."""
    digest: Digest = b""
    """sha256 of ``data``; empty until somebody has computed it."""
    crc: int = 0
    """CRC-32 of ``data``, known as soon as ``digest`` is."""


class Piece(NamedTuple):
    """A stretch of one large file."""

    start: int
    end: int
    before: Digest
    """sha256 of everything in front of ``start``."""
    through: Digest
    """sha256 of everything in front of ``end``, so of the whole file for the last piece."""
    crc: int
    """CRC-32 of everything in front of ``end``, if the archive needs it."""


class Encoder(Protocol):
    """Makes frames; holds a compressor, so each thread has its own."""

    def group(self, entries: Sequence[Entry], raw: memoryview) -> Frame:
        """Encode whole entries whose bytes lie in ``raw`` as ``Archive.read_group`` left them."""

    def piece(self, entry: Entry, piece: Piece, raw: memoryview) -> Frame:
        """Encode a stretch of a file; ``raw`` is exactly that stretch."""


class Archive(Protocol):
    """One archive format, for one package."""

    salt: bytes
    """Everything beside content that decides a frame's bytes: format, level, library, time."""
    largest_segment: int
    """Raw bytes of a segment, for a payload that is large enough."""
    needs_crc: bool
    """Whether a large file's pieces carry its CRC-32."""

    def raw_sizes(self, entries: Sequence[Entry]) -> list[int]:
        """Give how many bytes each entry takes before compression."""

    def read_group(
        self, root: str, entries: Sequence[Entry], known: Sequence[Digest | None], raw: memoryview
    ) -> list[Digest | None]:
        """Read the entries into ``raw``, which has the sum of their raw sizes; give each file's digest, known or not."""

    def encoder(self) -> Encoder:
        """Give an encoder for one thread."""

    def place(self, offset: int, frame: Frame) -> bytes:
        """Take note of a frame written at ``offset``, in order; give what must stand directly behind it."""
