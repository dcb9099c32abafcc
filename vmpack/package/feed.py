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
from vmpack.package.pipeline import Job, Pipeline, Results
from vmpack.package.segments import Span, plan, segment_size
from vmpack.package.source import read_file

_KEY_VERSION = b"vmpack segment 2\n"
_MOST_MISSING = 2
"""Frames that may be missing from the cache: no more than fit into memory beside those on their way."""
_SETTLED_AT_MOST = 16 << 20
"""Bytes."""
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


class _Unit(NamedTuple):
    """A segment whose content is known before it is read."""

    span: Span
    piece: Piece | None
    key: bytes


class Forecast(NamedTuple):
    """What a rebuild knows of its segments before it begins."""

    units: list[_Unit]
    sizes: list[int | None]
    """Bytes of each frame in the cache; None for one that is not there."""
    missing: list[int]
    """The few that must be compressed; they are begun first."""


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
        self.known: list[Digest | None] = [None] * len(content.entries)
        if self.index is not None:
            self.known = [*self.index.known]
        self._spans = list(
            plan([entry.path for entry in content.entries], self._sizes, maximum=self._maximum)
        )
        self.forecast = self._foresee()
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

    def _foresee(self) -> Forecast | None:
        """Find out which frames the cache has, if nearly all of them; every digest is known then."""
        if self.cache is None or not self._settle():
            return None
        units = list(self._units())
        if any(unit is None for unit in units):
            return None
        known = [unit for unit in units if unit]
        sizes = [self.cache.size(unit.key) for unit in known]
        missing = [number for number, size in enumerate(sizes) if size is None]
        if len(missing) > _MOST_MISSING:
            return None
        self.digests = list(self.known)
        return Forecast(known, sizes, missing)

    def _settle(self) -> bool:
        """Hash the files that changed since the last build, if they are few and small."""
        entries = self.content.entries
        unknown = [n for n, digest in enumerate(self.known) if digest is None and entries[n].kind == "file"]
        if sum(entries[n].size for n in unknown) > _SETTLED_AT_MOST:
            return False
        for n in unknown:
            self.known[n] = read_file(self.content.root, entries[n], memoryview(bytearray(entries[n].size)))
        return True

    def _units(self) -> Iterator[_Unit | None]:
        """Name the frame of every job in order; None for a large file whose cuts are not known."""
        for span in self._spans:
            if not span.large:
                yield _Unit(span, None, self.group_key(span, self.known[span.first : span.last]))
                continue
            pieces = self._known_pieces(self.known[span.first])
            entry = self.content.entries[span.first]
            if not pieces:
                yield None
            for piece in pieces:
                yield _Unit(span, piece, self.piece_key(entry, piece))

    def group_key(self, span: Span, digests: Sequence[Digest | None]) -> bytes:
        """Name the frame of whole files."""
        names = _names(self.content.entries[span.first : span.last])
        return self.key(b"group", names, b"".join(digest for digest in digests if digest))

    def piece_key(self, entry: Entry, piece: Piece) -> bytes:
        """Name the frame of a stretch of one file."""
        place = b"%d %d" % (piece.start, piece.end)
        return self.key(b"piece", _names((entry,)), place, piece.before, piece.through)

    def _generate(self) -> Generator[Job[Done] | None, _Worker, None]:
        if self.forecast is None:
            yield from self._read_in_order()
            return
        worker = yield None
        missing = self.forecast.missing
        for number in (*missing, *(n for n in range(len(self.forecast.units)) if n not in missing)):
            span, piece, key = self.forecast.units[number]
            if piece is None:
                worker = yield _GroupJob(number, self, worker, span, key)
            else:
                worker = yield _PieceJob(number, self, worker, self.content.entries[span.first], piece, None)

    def _read_in_order(self) -> Generator[Job[Done] | None, _Worker, None]:
        numbers = itertools.count()
        entries = self.content.entries
        worker = yield None
        for span in self._spans:
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
    key: bytes = b""
    """Its name in the cache, if the digests that are known have been asked for it already."""

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
                    feed.cache.put(feed.group_key(span, digests), frame)
        feed.digests[span.first : span.last] = digests
        return Done(frame, reused, span.size)

    def _cached(self, entries: Sequence[Entry], digests: Sequence[Digest | None]) -> Frame | None:
        if self.feed.cache is None:
            return None
        if self.key and digests == self.feed.known[self.span.first : self.span.last]:
            return self.feed.cache.get(self.key)
        for entry, digest in zip(entries, digests, strict=True):
            if digest is None and entry.kind == "file":
                return None
        return self.feed.cache.get(self.feed.group_key(self.span, digests))


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
            key = feed.piece_key(self.entry, piece)
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
def running(feed: Feed, threads: int) -> Iterator[Results[Done]]:
    """Start on every job of the feed; give the segments in the order of the payload."""
    try:
        with Pipeline(feed.start, threads) as frames:
            yield frames
    finally:
        feed.close()
