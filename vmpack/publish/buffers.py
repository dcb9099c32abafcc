"""Memory for blocks on their way: so much, used again and again, and never more."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from queue import Empty, LifoQueue

_ROOM = 64 << 20
"""Bytes of blocks in memory."""


class Buffers:
    """Lends memory for one block at a time to each of several threads.

    Used again because fresh memory costs a page fault for every 4 KiB, a fifth of the time that sending takes.
    """

    def __init__(self, sizes: Sequence[int], most: int) -> None:
        """Make room for blocks of these sizes; ``most`` of them at a time at most."""
        self.count = _fitting(sizes, most)
        self._size = max(sizes, default=0)
        self._lent = threading.Semaphore(self.count)
        self._free: LifoQueue[bytearray] = LifoQueue()

    @contextmanager
    def lent(self, size: int) -> Iterator[memoryview]:
        """Wait for memory and lend so many bytes of it; the last used comes first, because it is warm."""
        with self._lent:
            try:
                buffer = self._free.get_nowait()
            except Empty:
                buffer = bytearray(self._size)
            try:
                yield memoryview(buffer)[:size]
            finally:
                self._free.put(buffer)


def _fitting(sizes: Sequence[int], most: int) -> int:
    """Give how many of the largest blocks fit into the room at once."""
    largest = sorted(sizes, reverse=True)[:most]
    return max(2, sum(held <= _ROOM for held in accumulate(largest)))
