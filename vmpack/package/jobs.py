"""The jobs of a build: a segment's frame out of the cache, or its files read, hashed and compressed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vmpack.content.model import Entry
from vmpack.package.archive import Digest, Encoder, Frame, Piece
from vmpack.package.frames import sealed
from vmpack.package.large import read_piece
from vmpack.package.segments import Span
from vmpack.package.shared import Shared


class Done(NamedTuple):
    """A finished segment and where it came from."""

    frame: Frame
    reused: bool
    size: int
    """Raw bytes."""


@dataclass(slots=True)
class Worker:
    """What one thread owns."""

    buffer: memoryview
    """As long as the largest segment."""
    encoder: Encoder


@dataclass(slots=True)
class GroupJob:
    """Whole files, packed together."""

    number: int
    shared: Shared
    worker: Worker
    span: Span
    key: bytes = b""
    """Its name in the cache for the digests that are known, if it has been worked out already."""

    def run(self) -> Done:
        """Give the frame, and note the digests of its files."""
        shared, span, reused = self.shared, self.span, True
        entries = shared.content.entries[span.first : span.last]
        digests = shared.known[span.first : span.last]
        frame = self._cached(entries, digests)
        if frame is None:
            raw = self.worker.buffer[: span.size]
            digests = shared.archive.read_group(shared.content.root, entries, raw)
            frame = self._cached(entries, digests)
            if frame is None:
                frame = sealed(self.worker.encoder.group(entries, raw))
                reused = False
                if shared.cache is not None:
                    shared.cache.put(shared.group_key(span, digests), frame)
        shared.digests[span.first : span.last] = digests
        return Done(frame, reused, span.size)

    def _cached(self, entries: Sequence[Entry], digests: Sequence[Digest | None]) -> Frame | None:
        if self.shared.cache is None:
            return None
        if self.key and digests == self.shared.known[self.span.first : self.span.last]:
            return self.shared.cache.get(self.key)
        for entry, digest in zip(entries, digests, strict=True):
            if digest is None and entry.kind == "file":
                return None
        return self.shared.cache.get(self.shared.group_key(self.span, digests))


@dataclass(slots=True)
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
        key = b""
        if shared.cache is not None:
            key = shared.piece_key(self.entry, piece)
            frame = shared.cache.get(key)
            if frame is not None:
                return Done(frame, True, size)
        if self.raw is None:
            self.raw = self.worker.buffer[:size]
            read_piece(shared.content.root, self.entry, piece, self.raw)
        frame = sealed(self.worker.encoder.piece(self.entry, piece, self.raw))
        if shared.cache is not None:
            shared.cache.put(key, frame)
        return Done(frame, False, size)
