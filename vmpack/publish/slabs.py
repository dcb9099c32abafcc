"""Memory for the bytes that are on their way: bounded, and used again instead of allocated again.

New memory costs a page fault for every 4 KiB, which is more than copying the bytes: so it is used again, and asked for
in huge pages. What was given back last is taken first: as long as storage is fast, a little memory goes round and
stays in the processor's cache.
"""

import contextlib
import mmap
import sys
import threading
from collections.abc import Sequence

SLAB = 512 << 10
"""Bytes. What is read, hashed and handed to the socket at a time; small enough for a core's own cache."""
_AREA = 4 << 20
"""Bytes. What the system is asked for at a time: huge pages have 2 MiB."""


class Slabs:
    """Lends slabs, up to a number of bytes in all; safe to use from many threads."""

    def __init__(self, most: int) -> None:
        self._most = self._left = -(-most // SLAB)
        self._free: list[memoryview] = []
        self._unused: list[memoryview] = []
        self._given = threading.Condition()

    def take(self, size: int) -> list[memoryview]:
        """Wait for slabs for so many bytes; for more than there ever are, take all."""
        count = min(self._most, -(-size // SLAB))
        with self._given:
            self._given.wait_for(lambda: self._left >= count)
            self._left -= count
            return [self._slab() for _ in range(count)]

    def _slab(self) -> memoryview:
        if self._free:
            return self._free.pop()
        self._unused = self._unused or _area()
        return self._unused.pop()

    def give(self, slabs: Sequence[memoryview]) -> None:
        """Give slabs back."""
        with self._given:
            self._free += slabs
            self._left += len(slabs)
            self._given.notify_all()


def _area() -> list[memoryview]:
    """Get new memory."""
    if sys.platform == "linux":
        area = mmap.mmap(-1, _AREA, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with contextlib.suppress(OSError):
            # Refused where the kernel was built without huge pages.
            area.madvise(mmap.MADV_HUGEPAGE)
        view = memoryview(area)
    else:
        view = memoryview(bytearray(_AREA))
    return [view[start : start + SLAB] for start in range(_AREA - SLAB, -1, -SLAB)]
