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
_LONE = 3 << 19
"""Raw bytes from which on files compress as well alone as beside others, in any but the largest segments."""


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


_SHARES = 128
"""A file of this part of a payload stands alone too, so that a change of 1 % costs little more."""


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

    An entry larger than ``maximum`` is a span of its own, marked large. So is, unmarked, one of half to a quarter of
    that, or of nearly 1 % of all, unless all entries together fit into one: it gains little from its neighbours,
    and when it changes it costs itself alone. The others are cut as if these were not there, so that no other cut
    moves when one comes or goes.
    Cuts that would leave less than an eighth of ``maximum`` on one side are passed over while there are others.
    """
    lone = _lone_size(sum(sizes), maximum)
    alone = [index for index, size in enumerate(sizes) if size >= lone]
    shared = array("Q", sizes)
    for index in alone:
        shared[index] = 0
    cutter = _Cutter(paths, shared)
    for first, last in cutter.stretches(maximum, maximum // 8):
        start = first
        for index in alone[bisect_left(alone, first) : bisect_left(alone, last)]:
            yield from cutter.span(start, index)
            yield Span(index, index + 1, sizes[index], sizes[index] > maximum)
            start = index + 1
        yield from cutter.span(start, last)


def _lone_size(total: int, maximum: int) -> int:
    """Give the raw bytes from which on an entry of a payload of ``total`` stands alone."""
    if total <= maximum:
        return maximum + 1
    return min(max(maximum // 4, min(maximum // 2, _LONE)), total // _SHARES)


class _Cutter:
    """Cuts entries of which each fits into a segment."""

    def __init__(self, paths: Sequence[str], sizes: Sequence[int]) -> None:
        # Arrays, because there may be 100,000 entries and a list of integers takes four times the memory.
        self._ends = array("Q", itertools.accumulate(sizes, initial=0))
        self._priority = array("Q", map(zlib.crc32, map(str.encode, paths)))

    def span(self, first: int, last: int) -> Iterator[Span]:
        """Give a stretch as a span, unless it is empty."""
        if first < last:
            yield Span(first, last, self._ends[last] - self._ends[first], False)

    def stretches(self, maximum: int, minimum: int) -> Iterator[tuple[int, int]]:
        """Give the stretches from left to right, each as its first entry and the one behind its last."""
        ends = self._ends
        pending = [(0, len(self._priority))] if self._priority else []
        while pending:
            low, high = pending.pop()
            if ends[high] - ends[low] <= maximum:
                yield low, high
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
