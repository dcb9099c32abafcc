"""What a rebuild can know of its package before it writes the first byte.

After a small change nearly every frame lies in the cache. The few files that changed are hashed first and the few
frames that are missing are compressed first; then the head of the package is known, and the package can be hashed
while it is written instead of being read again. A forecast may turn out wrong (a frame was damaged): then the head
differs from what was foreseen, and the package is read again after all.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vmpack.package.archive import Piece
from vmpack.package.jobs import Done
from vmpack.package.pipeline import Results
from vmpack.package.segments import Span
from vmpack.package.shared import Shared
from vmpack.package.source import read_file

_MOST_MISSING = 2
"""Frames: no more than fit into memory beside those on their way."""
_MOST_CHANGED = 64
"""Files: those that change together are hashed one after the other, and read once more when they are compressed."""
_MOST_BYTES = 16 << 20


class Unit(NamedTuple):
    """A segment whose content is known before it is read."""

    span: Span
    piece: Piece | None
    key: bytes


class Forecast(NamedTuple):
    """Every segment in order, and what the cache has of them."""

    units: list[Unit]
    sizes: list[int | None]
    """Bytes of each frame; None for one that is missing."""
    missing: list[int]

    @property
    def order(self) -> tuple[int, ...]:
        """Give the segments' numbers in the order of their jobs: what is missing first."""
        return (*self.missing, *(number for number, size in enumerate(self.sizes) if size is not None))

    def payload_size(self, results: Results[Done]) -> int:
        """Give the bytes of all frames, waiting for those that are being compressed."""
        return sum(
            len(results.peek(number).frame.data) if size is None else size
            for number, size in enumerate(self.sizes)
        )


def foresee(shared: Shared, spans: Sequence[Span]) -> Forecast | None:
    """Make a forecast if the cache has nearly all frames; every digest is known then."""
    if shared.cache is None or not _settle(shared):
        return None
    units = [*_units(shared, spans)]
    known = [unit for unit in units if unit]
    sizes = [shared.cache.size(unit.key) for unit in known]
    missing = [number for number, size in enumerate(sizes) if size is None]
    if len(known) < len(units) or len(missing) > _MOST_MISSING:
        return None
    shared.digests = [*shared.known]
    return Forecast(known, sizes, missing)


def _settle(shared: Shared) -> bool:
    """Hash the files that changed since the last build, if they are few and small."""
    entries = shared.content.entries
    changed = [n for n, digest in enumerate(shared.known) if digest is None and entries[n].kind == "file"]
    if len(changed) > _MOST_CHANGED or sum(entries[n].size for n in changed) > _MOST_BYTES:
        return False
    for n in changed:
        shared.known[n] = read_file(shared.content.root, entries[n], memoryview(bytearray(entries[n].size)))
    return True


def _units(shared: Shared, spans: Sequence[Span]) -> Iterator[Unit | None]:
    """Name the frame of every job in order; None for a large file whose cuts are not known."""
    for span in spans:
        if not span.large:
            yield Unit(span, None, shared.group_key(span, shared.known[span.first : span.last]))
            continue
        pieces = shared.known_pieces(shared.known[span.first])
        entry = shared.content.entries[span.first]
        if not pieces:
            yield None
        for piece in pieces:
            yield Unit(span, piece, shared.piece_key(entry, piece))
