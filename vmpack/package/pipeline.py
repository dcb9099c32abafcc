"""Work in parallel, results in order, memory bounded: the same bytes whatever the number of threads."""

import os
import threading
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, Self, TypeVar

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

_MOST_THREADS = 4
"""More would not fit the memory that a build may take; each holds a segment raw and compressed."""


class Job(Protocol[Result_co]):
    """One piece of work; jobs are numbered from 0 in the order of their results."""

    @property
    def number(self) -> int:
        """Its place."""

    def run(self) -> Result_co:
        """Do it; called on the thread that took the job."""


def thread_count() -> int:
    """Give how many threads are worth starting on the processors that this process may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, _MOST_THREADS)


class Aside(Generic[Result]):
    """Runs one function on a thread beside the block.

    (``concurrent.futures`` would do, but takes as long to import as a small package to write.)
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._results: list[Result] = []
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def result(self) -> Result:
        """Wait for the function; give what it gave, or raise what it raised."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the result
            self._failure = error


class Pipeline(Generic[Result]):
    """Runs jobs on threads and gives their results in order.

    Each thread gets its own ``take`` from ``start``; ``take`` gives the next job, None at the end. No more
    than ``2 * threads`` jobs are taken ahead of the result that was last asked for.
    """

    def __init__(self, start: Callable[[], Callable[[], Job[Result] | None]], threads: int) -> None:
        self._start = start
        self._ahead = threading.Semaphore(2 * threads)
        self._condition = threading.Condition()
        self._results: dict[int, Result] = {}
        self._failure: BaseException | None = None
        self._stopped = False
        self._running = threads
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Self:
        """Start the threads."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the jobs that run; take no more."""
        self._stopped = True
        for _thread in self._threads:
            self._ahead.release()
        for thread in self._threads:
            thread.join()

    def __iter__(self) -> Iterator[Result]:
        """Give the results in the order of their jobs' numbers."""
        number = 0
        while self._wait_for(number):
            yield self._results.pop(number)
            self._ahead.release()
            number += 1

    def _wait_for(self, number: int) -> bool:
        with self._condition:
            while number not in self._results:
                if self._failure is not None:
                    raise self._failure
                if self._running == 0:
                    return False
                self._condition.wait()
        return True

    def _work(self) -> None:
        failure: BaseException | None = None
        try:
            take = self._start()
            while self._step(take):
                pass
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for results
            failure = error
        with self._condition:
            self._running -= 1
            self._failure = self._failure or failure
            self._condition.notify()

    def _step(self, take: Callable[[], Job[Result] | None]) -> bool:
        self._ahead.acquire()
        if self._stopped or self._failure is not None:
            return False
        job = take()
        if job is None:
            return False
        result = job.run()
        with self._condition:
            self._results[job.number] = result
            self._condition.notify()
        return True
