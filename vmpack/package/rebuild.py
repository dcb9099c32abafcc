"""A build after a small change: what changed is packed first, and then every frame lies in the cache.

Before the first byte is written the head of such a package is known, so the package is hashed while it is written
instead of being read again, and its frames are copied through a few buffers that stay in the processor's cache. A
frame may still turn out damaged: then it is made anew, and has the same bytes.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, cycle
from typing import NamedTuple, Self

from vmpack.package.archive import Digest, Piece
from vmpack.package.cache import SegmentCache
from vmpack.package.feed import Feed, running
from vmpack.package.hashing import HashStream
from vmpack.package.jobs import Done, GroupJob, PieceJob, Worker
from vmpack.package.pipeline import Aside
from vmpack.package.segments import Span
from vmpack.package.shared import Shared

_MOST = 2
"""Segments that are packed one after the other beside what must be done anyway; more are better packed in parallel."""


class _Unit(NamedTuple):
    """A segment whose content is known."""

    span: Span
    piece: Piece | None
    key: bytes


def changed_spans(shared: Shared, spans: Sequence[Span]) -> list[Span] | None:
    """Give the few segments that must be read before their content is known; None where this is no small change."""
    if not any(shared.known):
        return None
    changed = [span for span in spans if not shared.is_known(span)]
    return None if len(changed) > _MOST or any(span.large for span in changed) else changed


class Rebuild:
    """The frames of a payload of which little has changed; packs that on a thread beside the ``with`` block."""

    def __init__(
        self,
        shared: Shared,
        cache: SegmentCache,
        spans: Sequence[Span],
        changed: Sequence[Span],
        threads: int,
    ) -> None:
        self._shared = shared
        self._cache = cache
        self._spans = spans
        self._threads = threads
        self._jobs = [GroupJob(0, shared, self._new_worker(), span) for span in changed]
        # Read here and only compressed on the thread: it would wait for Python's lock at every file.
        self._refreshed = Aside(partial(self._refresh, [job.read() for job in self._jobs]))
        self._units: list[_Unit] = []
        self._largest = 0

    def __enter__(self) -> Self:
        self._refreshed.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._refreshed.__exit__(*error)

    def payload_size(self) -> int | None:
        """Give the bytes of all frames; None where too many are missing. All digests are known from here on."""
        units = self._named()
        sizes = [self._cache.size(unit.key) for unit in units]
        missing = [number for number, size in enumerate(sizes) if size is None]
        if not units or len(missing) > _MOST:
            return None
        self._shared.digests = [*self._shared.known]
        for number in missing:
            sizes[number] = len(self._made(units[number]).frame.data)
        self._units, self._largest = units, max(filter(None, sizes))
        return sum(filter(None, sizes))

    def __iter__(self) -> Iterator[Done]:
        """Give the frames in order; ``HashStream.HELD`` of them last while the next one is asked for."""
        if not self._units:
            with running(Feed(self._shared, self._spans), self._threads) as frames:
                yield from frames
            return
        rooms = [memoryview(bytearray(self._largest)) for _ in range(HashStream.HELD + 1)]
        for unit, room in zip(self._units, cycle(rooms), strict=False):
            yield self._recalled(unit, room)

    def _new_worker(self) -> Worker:
        return Worker(memoryview(bytearray(self._shared.maximum)), self._shared.archive.encoder())

    def _refresh(self, digests: Sequence[Sequence[Digest | None]]) -> None:
        for job, found in zip(self._jobs, digests, strict=True):
            job.pack(found)
            self._shared.known[job.span.first : job.span.last] = found

    def _named(self) -> list[_Unit]:
        """Name all frames in order; empty where the cuts of a large file are not known."""
        changed = {job.span for job in self._jobs}
        found = {span: self._units_of(span) for span in self._spans if span not in changed}
        self._refreshed.result()
        found.update({span: self._units_of(span) for span in changed})
        ordered = [found[span] for span in self._spans]
        return [*chain(*ordered)] if all(ordered) else []

    def _units_of(self, span: Span) -> list[_Unit]:
        shared = self._shared
        if not span.large:
            return [_Unit(span, None, shared.group_key(span, shared.known[span.first : span.last]))]
        entry = shared.content.entries[span.first]
        pieces = shared.known_pieces(shared.known[span.first])
        return [_Unit(span, piece, shared.piece_key(entry, piece)) for piece in pieces]

    def _recalled(self, unit: _Unit, room: memoryview) -> Done:
        frame = self._cache.get(unit.key, room)
        if frame is None:
            return self._made(unit)
        size = unit.piece.end - unit.piece.start if unit.piece else unit.span.size
        return Done(frame, unit.key not in self._shared.fresh, size)

    def _made(self, unit: _Unit) -> Done:
        worker = self._new_worker()
        if unit.piece is None:
            return GroupJob(0, self._shared, worker, unit.span).run()
        entry = self._shared.content.entries[unit.span.first]
        return PieceJob(0, self._shared, worker, entry, unit.piece, None).run()
