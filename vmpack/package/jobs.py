"""The jobs of a build: a segment's frame out of the cache, or its files read, hashed and compressed."""

from collections.abc import Sequence
from typing import NamedTuple

from vmpack.content.model import Entry
from vmpack.package.archive import Digest, Encoder, Frame, Piece
from vmpack.package.frames import sealed
from vmpack.package.large import read_piece
from vmpack.package.segments import Span
from vmpack.package.shared import Shared
from vmpack.values import dataclass


class Done(NamedTuple):
    """A finished segment and where it came from."""

    frame: Frame
    reused: bool
    size: int
    """Raw bytes."""


@dataclass(frozen=True, slots=True)
class Worker:
    """What one thread owns."""

    buffer: memoryview
    """As long as the largest segment."""
    encoder: Encoder


@dataclass(frozen=True, slots=True)
class GroupJob:
    """Whole files, packed together."""

    number: int
    shared: Shared
    worker: Worker
    span: Span

    def run(self) -> Done:
        """Give the frame, and note the digests of its files."""
        shared, span = self.shared, self.span
        done = self._cached(shared.known[span.first : span.last]) if shared.is_known(span) else None
        return done or self.pack(self.read())

    def read(self) -> Sequence[Digest | None]:
        """Read the files into the worker's buffer, and give their digests."""
        shared, span = self.shared, self.span
        known = shared.known[span.first : span.last]
        return shared.archive.read_group(shared.content.root, self._entries, known, self._raw)

    def pack(self, digests: Sequence[Digest | None]) -> Done:
        """Give the frame of what was read."""
        done = self._cached(digests)
        if done is None:
            done = Done(sealed(self.worker.encoder.group(self._entries, self._raw)), False, self.span.size)
            self.shared.keep(self.shared.group_key(self.span, digests), done.frame)
        return done

    def _cached(self, digests: Sequence[Digest | None]) -> Done | None:
        shared, span = self.shared, self.span
        shared.digests[span.first : span.last] = digests
        key = shared.group_key(span, digests)
        frame = shared.cache.get(key) if shared.cache else None
        return Done(frame, key not in shared.fresh, span.size) if frame else None

    @property
    def _entries(self) -> Sequence[Entry]:
        return self.shared.content.entries[self.span.first : self.span.last]

    @property
    def _raw(self) -> memoryview:
        return self.worker.buffer[: self.span.size]


@dataclass(frozen=True, slots=True)
class PieceJob:
    """A stretch of one large file."""

    number: int
    shared: Shared
    worker: Worker
    entry: Entry
    piece: Piece
    raw: memoryview | None
    """None when the piece is known from an earlier build and has not been read."""

    def run(self) -> Done:
        """Give the frame."""
        shared, piece = self.shared, self.piece
        size = piece.end - piece.start
        key = shared.piece_key(self.entry, piece)
        frame = shared.cache.get(key) if shared.cache else None
        if frame is not None:
            return Done(frame, key not in shared.fresh, size)
        raw = self.raw
        if raw is None:
            raw = self.worker.buffer[:size]
            read_piece(shared.content.root, self.entry, piece, raw)
        frame = sealed(self.worker.encoder.piece(self.entry, piece, raw))
        shared.keep(key, frame)
        return Done(frame, False, size)
