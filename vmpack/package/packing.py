"""The frames of a payload in order, by the shorter of two ways: packed from front to back, or mostly recalled."""

import contextlib
from array import array
from collections.abc import Iterable, Iterator
from typing import Protocol

from vmpack.content.model import Content
from vmpack.package.archive import Archive
from vmpack.package.cache import SegmentCache
from vmpack.package.feed import Feed, running
from vmpack.package.jobs import Done
from vmpack.package.rebuild import Rebuild, changed_spans
from vmpack.package.segments import plan, segment_size
from vmpack.package.shared import Shared


class Frames(Protocol):
    """What becomes of a payload."""

    def payload_size(self) -> int | None:
        """Give the bytes of all frames, if they and all digests can be known now."""

    def __iter__(self) -> Iterator[Done]:
        """Give the frames in the order of the payload."""


class _InOrder:
    """Frames on their way, of which nothing is known beforehand."""

    def __init__(self, frames: Iterable[Done]) -> None:
        self._frames = frames

    def payload_size(self) -> int | None:
        return None

    def __iter__(self) -> Iterator[Done]:
        return iter(self._frames)


@contextlib.contextmanager
def packing(
    archive: Archive, content: Content, cache: SegmentCache | None, threads: int
) -> Iterator[tuple[Shared, Frames]]:
    """Begin to pack; give what becomes known of the files, and the frames."""
    sizes = array("Q", archive.raw_sizes(content.entries))
    maximum = segment_size(sum(sizes), archive.largest_segment)
    shared = Shared(content, archive, cache, maximum)
    spans = list(plan([entry.path for entry in content.entries], sizes, maximum=maximum))
    changed = changed_spans(shared, spans)
    if cache is None or changed is None:
        with running(Feed(shared, spans), threads) as frames:
            yield shared, _InOrder(frames)
    else:
        with Rebuild(shared, cache, spans, changed, threads) as rebuilt:
            yield shared, rebuilt
