"""Which job comes next: the payload from front to back, or first what a rebuild waits for."""

import contextlib
import itertools
import threading
from array import array
from collections.abc import Callable, Generator, Iterator

from vmpack.content.model import Content, Entry
from vmpack.package.archive import Archive, Piece
from vmpack.package.cache import SegmentCache
from vmpack.package.forecast import Forecast, foresee
from vmpack.package.jobs import Done, GroupJob, PieceJob, Worker
from vmpack.package.large import LargeFile
from vmpack.package.pipeline import Job, Pipeline, Results
from vmpack.package.segments import plan, segment_size
from vmpack.package.shared import Shared

_Jobs = Generator[Job[Done] | None, Worker, None]
"""Gives a job for the worker that was sent in."""


class Feed:
    """Hands out the jobs of one payload, one at a time."""

    def __init__(self, archive: Archive, content: Content, cache: SegmentCache | None) -> None:
        sizes = array("Q", archive.raw_sizes(content.entries))
        maximum = segment_size(sum(sizes), archive.largest_segment)
        self.shared = Shared(content, archive, cache, maximum)
        self._spans = list(plan([entry.path for entry in content.entries], sizes, maximum=maximum))
        self.forecast = foresee(self.shared, self._spans)
        self._lock = threading.Lock()
        self._jobs = self._read_in_order() if self.forecast is None else self._as_foreseen(self.forecast)
        next(self._jobs)

    def start(self) -> Callable[[], Job[Done] | None]:
        """Give the function by which one thread takes its jobs."""
        worker = Worker(memoryview(bytearray(self.shared.maximum)), self.shared.archive.encoder())

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

    def _as_foreseen(self, forecast: Forecast) -> _Jobs:
        worker = yield None
        for number in forecast.order:
            span, piece, key = forecast.units[number]
            if piece is None:
                worker = yield GroupJob(number, self.shared, worker, span, key)
            else:
                entry = self.shared.content.entries[span.first]
                worker = yield PieceJob(number, self.shared, worker, entry, piece, None)

    def _read_in_order(self) -> _Jobs:
        shared, numbers = self.shared, itertools.count()
        worker = yield None
        for span in self._spans:
            if not span.large:
                worker = yield GroupJob(next(numbers), shared, worker, span)
                continue
            entry = shared.content.entries[span.first]
            pieces = shared.known_pieces(shared.known[span.first])
            for piece in pieces:
                worker = yield PieceJob(next(numbers), shared, worker, entry, piece, None)
            if not pieces:
                worker = yield from self._read_large(entry, worker, numbers, pieces)
                shared.remember_pieces(pieces)
            shared.digests[span.first] = pieces[-1].through

    def _read_large(
        self, entry: Entry, worker: Worker, numbers: Iterator[int], pieces: list[Piece]
    ) -> Generator[Job[Done] | None, Worker, Worker]:
        """Read a large file into the buffers of whoever asks next; ``pieces`` gathers where it was cut."""
        shared = self.shared
        file = LargeFile(shared.content.root, entry, shared.maximum, with_crc=shared.archive.needs_crc)
        try:
            while not file.at_end:
                pieces.append(file.next_piece(worker.buffer))
                raw = worker.buffer[: pieces[-1].end - pieces[-1].start]
                worker = yield PieceJob(next(numbers), shared, worker, entry, pieces[-1], raw)
        finally:
            file.close()
        return worker


@contextlib.contextmanager
def running(feed: Feed, threads: int) -> Iterator[Results[Done]]:
    """Start on every job of the feed; give the segments in the order of the payload."""
    try:
        with Pipeline(feed.start, threads) as frames:
            yield frames
    finally:
        feed.close()
