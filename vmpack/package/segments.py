"""Where the payload is cut: boundaries that depend on the names of files, so that a change moves none but its own.

Every boundary between two files has a priority, a hash of the path behind it. A stretch that is too large is cut
at its boundary of highest priority, and so are its halves (a Cartesian tree over the names). A file that grows
or comes new can only add or remove cuts of the stretch that it lies in.
"""

import itertools
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_FULL_SIZE = 288 << 20
"""Raw bytes from which on a payload gets the largest segments: then it has some fifty of them."""
_HALVINGS = 3


def segment_size(total: int, largest: int) -> int:
    """Give the raw bytes of a segment for a payload of ``total``, by halves so that it rarely changes.

    A small payload gets smaller segments: a change then costs a small part of a small package too, and all
    processors have something to do.
    """
    size, full = largest, _FULL_SIZE
    for _ in range(_HALVINGS):
        if total >= full:
            break
        size, full = size // 2, full // 2
    return size


class Span(NamedTuple):
    """A stretch of the sorted entries that is packed together, or one file that is cut inside."""

    first: int
    last: int
    """The entry behind the last one."""
    size: int
    """Raw bytes, headers and padding included."""
    large: bool
    """Whether this is a single file that is cut inside."""


def plan(paths: Sequence[str], sizes: Sequence[int], *, maximum: int) -> Iterator[Span]:
    """Cut sorted entries into spans; ``sizes`` are raw bytes, each with the entry's own header and padding.

    An entry larger than ``maximum`` is a span of its own, marked large. Cuts that would leave less than an eighth
    of it on one side are passed over while there are others.
    """
    least = maximum // 8
    start = 0
    for index, size in enumerate(sizes):
        if size > maximum:
            yield from _Cutter(paths, sizes, start, index).spans(maximum, least)
            yield Span(index, index + 1, size, True)
            start = index + 1
    yield from _Cutter(paths, sizes, start, len(sizes)).spans(maximum, least)


class _Cutter:
    """Cuts one run of entries, none of which is large."""

    def __init__(self, paths: Sequence[str], sizes: Sequence[int], first: int, last: int) -> None:
        self._first = first
        # Arrays, because there may be 100,000 entries and a list of integers takes four times the memory.
        self._ends = array("Q", itertools.accumulate(sizes[first:last], initial=0))
        self._priority = array("Q", map(zlib.crc32, map(str.encode, paths[first:last])))

    def spans(self, maximum: int, minimum: int) -> Iterator[Span]:
        """Give the spans from left to right."""
        first, ends = self._first, self._ends
        pending = [(0, len(self._priority))] if self._priority else []
        while pending:
            low, high = pending.pop()
            size = ends[high] - ends[low]
            if size <= maximum:
                yield Span(first + low, first + high, size, False)
                continue
            middle = self._best(low, high, minimum)
            pending += [(middle, high), (low, middle)]

    def _best(self, low: int, high: int, minimum: int) -> int:
        """Give the boundary of highest priority that leaves ``minimum`` on both sides, else of all."""
        ends = self._ends
        start = max(low + 1, bisect_left(ends, ends[low] + minimum, low, high))
        stop = min(high, bisect_right(ends, ends[high] - minimum, low, high))
        if start >= stop:
            start, stop = low + 1, high
        return self._priority.index(max(self._priority[start:stop]), start, stop)
