"""Which job comes next when a payload is packed from front to back."""

import contextlib
import itertools
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

from vmpack.content.model import Entry
from vmpack.package.archive import Piece
from vmpack.package.jobs import Done, GroupJob, PieceJob, Worker
from vmpack.package.large import LargeFile
from vmpack.package.pipeline import Job, Pipeline
from vmpack.package.segments import Span
from vmpack.package.shared import Shared

_Jobs = Generator[Job[Done] | None, Worker, None]
"""Gives a job for the worker that was sent in."""


class Feed:
    """Hands out the jobs of one payload, one at a time."""

    def __init__(self, shared: Shared, spans: Sequence[Span]) -> None:
        self._shared = shared
        self._spans = spans
        self._lock = threading.Lock()
        self._jobs = self._in_order()
        next(self._jobs)

    def start(self) -> Callable[[], Job[Done] | None]:
        """Give the function by which one thread takes its jobs."""
        worker = Worker(memoryview(bytearray(self._shared.maximum)), self._shared.archive.encoder())

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

    def _in_order(self) -> _Jobs:
        shared, numbers = self._shared, itertools.count()
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
        shared = self._shared
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
def running(feed: Feed, threads: int) -> Iterator[Iterable[Done]]:
    """Start on every job of the feed; give the segments in the order of the payload."""
    try:
        with Pipeline(feed.start, threads) as frames:
            yield frames
    finally:
        feed.close()
