"""The jobs of a build: for each segment either its frame out of the cache, or read, hash and compress."""

import contextlib
import hashlib
import itertools
import struct
import threading
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vmpack.content.model import Content, Entry
from vmpack.package.archive import Archive, Digest, Encoder, Frame, Piece
from vmpack.package.cache import SegmentCache
from vmpack.package.frames import sealed
from vmpack.package.large import LargeFile, read_piece
from vmpack.package.pipeline import Job, Pipeline
from vmpack.package.segments import Span, plan, segment_size

_KEY_VERSION = b"vmpack segment 2\n"
_PIECE = struct.Struct("<QQ32s32sI")


class Done(NamedTuple):
    """A finished segment and where it came from."""

    frame: Frame
    reused: bool
    size: int
    """Raw bytes."""


@dataclass(slots=True)
class _Worker:
    """What one thread owns."""

    buffer: memoryview
    encoder: Encoder


class Feed:
    """Hands out the jobs of one payload, one at a time; ``digests`` is complete when all of them are done."""

    def __init__(self, archive: Archive, content: Content, cache: SegmentCache | None) -> None:
        self.content = content
        self._sizes = array("Q", archive.raw_sizes(content.entries))
        self._maximum = segment_size(sum(self._sizes), archive.largest_segment)
        self.archive = archive
        self.cache = cache
        self.index = cache.index(content.root, content.entries) if cache else None
        self.digests: list[Digest | None] = [None] * len(content.entries)
        self.known = self.index.known if self.index else [None] * len(content.entries)
        self._lock = threading.Lock()
        self._jobs = self._generate()
        next(self._jobs)

    def start(self) -> Callable[[], Job[Done] | None]:
        """Give the function by which one thread takes its jobs."""
        worker = _Worker(memoryview(bytearray(self._maximum)), self.archive.encoder())

        def take() -> Job[Done] | None:
            with self._lock:
                try:
                    return self._jobs.send(worker)
                except StopIteration:
                    return None

        return take

    def close(self) -> None:
        """Let go of a large file that was not read to its end."""
        self._jobs.close()

    def key(self, kind: bytes, *parts: bytes) -> bytes:
        """Name a frame by everything that decides its bytes."""
        digest = hashlib.sha256(_KEY_VERSION + kind + self.archive.salt)
        for part in parts:
            digest.update(b"%d:" % len(part))
            digest.update(part)
        return digest.digest()

    def _generate(self) -> Generator[Job[Done] | None, _Worker, None]:
        numbers = itertools.count()
        entries = self.content.entries
        worker = yield None
        for span in plan([entry.path for entry in entries], self._sizes, maximum=self._maximum):
            if not span.large:
                worker = yield _GroupJob(next(numbers), self, worker, span)
                continue
            entry = entries[span.first]
            known = self._known_pieces(self.known[span.first])
            if known:
                self.digests[span.first] = known[-1].through
                for piece in known:
                    worker = yield _PieceJob(next(numbers), self, worker, entry, piece, None)
                continue
            file = LargeFile(self.content.root, entry, self._maximum, with_crc=self.archive.needs_crc)
            pieces: list[Piece] = []
            try:
                while not file.at_end:
                    pieces.append(file.next_piece(worker.buffer))
                    raw = worker.buffer[: pieces[-1].end - pieces[-1].start]
                    worker = yield _PieceJob(next(numbers), self, worker, entry, pieces[-1], raw)
            finally:
                file.close()
            self.digests[span.first] = pieces[-1].through
            self._remember_pieces(pieces)

    def _known_pieces(self, digest: Digest | None) -> list[Piece]:
        """Give the cuts of a file that has not changed since an earlier build; empty if they are not known."""
        if digest is None or self.cache is None:
            return []
        frame = self.cache.get(self._cuts_key(digest))
        if frame is None or len(frame.data) % _PIECE.size:
            return []
        return [Piece(*fields) for fields in _PIECE.iter_unpack(frame.data)]

    def _remember_pieces(self, pieces: Sequence[Piece]) -> None:
        if self.cache is not None:
            packed = b"".join(_PIECE.pack(*piece) for piece in pieces)
            self.cache.put(self._cuts_key(pieces[-1].through), sealed(Frame(packed)))

    def _cuts_key(self, digest: Digest) -> bytes:
        return hashlib.sha256(_KEY_VERSION + b"cuts %d " % self._maximum + digest).digest()


@dataclass(slots=True)
class _GroupJob:
    number: int
    feed: Feed
    worker: _Worker
    span: Span

    def run(self) -> Done:
        feed, span, reused = self.feed, self.span, True
        entries = feed.content.entries[span.first : span.last]
        digests = feed.known[span.first : span.last]
        frame = self._cached(entries, digests)
        if frame is None:
            raw = self.worker.buffer[: span.size]
            digests = feed.archive.read_group(feed.content.root, entries, raw)
            frame = self._cached(entries, digests)
            if frame is None:
                frame = sealed(self.worker.encoder.group(entries, raw))
                reused = False
                if feed.cache is not None:
                    feed.cache.put(self._key(entries, digests), frame)
        feed.digests[span.first : span.last] = digests
        return Done(frame, reused, span.size)

    def _cached(self, entries: Sequence[Entry], digests: Sequence[Digest | None]) -> Frame | None:
        if self.feed.cache is None:
            return None
        for entry, digest in zip(entries, digests, strict=True):
            if digest is None and entry.kind == "file":
                return None
        return self.feed.cache.get(self._key(entries, digests))

    def _key(self, entries: Sequence[Entry], digests: Sequence[Digest | None]) -> bytes:
        return self.feed.key(b"group", _names(entries), b"".join(digest for digest in digests if digest))


@dataclass(slots=True)
class _PieceJob:
    number: int
    feed: Feed
    worker: _Worker
    entry: Entry
    piece: Piece
    raw: memoryview | None
    """None when the piece is known from an earlier build and has not been read."""

    def run(self) -> Done:
        feed, piece = self.feed, self.piece
        size = piece.end - piece.start
        key = b""
        if feed.cache is not None:
            place = b"%d %d" % (piece.start, piece.end)
            key = feed.key(b"piece", _names((self.entry,)), place, piece.before, piece.through)
            frame = feed.cache.get(key)
            if frame is not None:
                return Done(frame, True, size)
        if self.raw is None:
            self.raw = self.worker.buffer[:size]
            read_piece(feed.content.root, self.entry, piece, self.raw)
        frame = sealed(self.worker.encoder.piece(self.entry, piece, self.raw))
        if feed.cache is not None:
            feed.cache.put(key, frame)
        return Done(frame, False, size)


def _names(entries: Sequence[Entry]) -> bytes:
    """Give all of the entries that decides their bytes beside their content."""
    return repr([entry[:5] for entry in entries]).encode()


@contextlib.contextmanager
def running(feed: Feed, threads: int) -> Iterator[Iterator[Done]]:
    """Start on every job of the feed; give the segments in the order of the payload."""
    try:
        with Pipeline(feed.start, threads) as frames:
            yield frames
    finally:
        feed.close()
