"""How the blocks of a package travel: in parcels of a few neighbours, each with the MD5 that storage holds it against.

A parcel is large enough for a request to be worth its overhead, and small enough that many connections share a small
package. Where parcels end depends on the blocks themselves, so a change regroups its own neighbourhood only, and the
MD5 of all others is remembered from the build before. An MD5 that was taken here holds from the build to storage:
publishing need not read what it sends before it sends it, and what was damaged between arrives nowhere.
"""

import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from io import FileIO
from pathlib import Path

from vmpack.package.model import Block, Parcel
from vmpack.package.pipeline import Aside
from vmpack.package.sums import KnownSums

MOST_BLOCKS = 4
"""The id of a storage block has room for the names of so many."""
LARGEST_BLOCK = 12 << 20
"""Bytes. A larger one is cut before it travels."""
_MOST = 8 << 20
_LEAST = 2 << 20
_SHARES = 16
"""Into how many parcels a package is grouped at least: each connection soon has one, and the last are short."""
_STEP = 256 << 10
"""What the bound of a parcel grows by, so that it rarely changes with the package."""
_ANCHOR = 0x20
"""One block in eight begins a parcel whatever stands before it: a regrouping ends there."""
_LONG_HEAD = 256 << 10
_HEAD_SHARE = 256
"""A head is long, too, when it is more than this share of a small package."""
_READ = 1 << 20


def is_long_head(size: int, total: int) -> bool:
    """Tell whether the first ``size`` bytes of a package of ``total`` are lists enough to be cut between their lines."""
    return min(_LONG_HEAD, total // _HEAD_SHARE) < size


def is_whole(block: Block) -> bool:
    """Tell whether a block travels as it is."""
    return 0 < block.size <= LARGEST_BLOCK


def grouped(blocks: Iterable[Block], total: int) -> Iterator[tuple[Block, ...]]:
    """Group neighbours into parcels, for a package of ``total`` bytes; takes blocks as they come."""
    bound = max(_LEAST, min(_MOST, total // _SHARES // _STEP * _STEP))
    group: list[Block] = []
    for block in blocks:
        if group and not _joins(group, block, bound):
            yield tuple(group)
            group = []
        group.append(block)
    if group:
        yield tuple(group)


def _joins(group: Sequence[Block], block: Block, bound: int) -> bool:
    if len(group) == MOST_BLOCKS or group[-1].offset + group[-1].size != block.offset:
        return False
    if int(block.sha256[:2], 16) < _ANCHOR:
        return False
    return _size(group) + block.size <= bound


def take_parcels(
    package: Path, blocks: Iterable[Block], total: int, *, sums: KnownSums | None = None, threads: int = 1
) -> tuple[Parcel, ...]:
    """Give the parcels of a package of ``total`` bytes; hashes those that ``sums`` does not know.

    ``blocks`` may still be on their way: each must stand in the file when it comes. Blocks that are cut before they
    travel are in no parcel.
    """
    work = _Work(package, grouped(filter(is_whole, blocks), total), sums)
    with ExitStack() as helpers:
        asides = [helpers.enter_context(Aside(work.run)) for _ in range(threads - 1)]
        work.run()
    for aside in asides:
        aside.result()
    return tuple(sorted(work.done, key=lambda parcel: parcel.offset))


class _Work:
    """Parcels that several threads hash."""

    def __init__(self, package: Path, groups: Iterator[tuple[Block, ...]], sums: KnownSums | None) -> None:
        self._package = package
        self._groups = groups
        self._sums = sums
        self._lock = threading.Lock()
        self.done: list[Parcel] = []

    def run(self) -> None:
        """Take parcels until there are none left."""
        room = memoryview(bytearray(_READ))
        with open(self._package, "rb", buffering=0) as file:
            while group := self._next():
                md5 = md5_of(file, group[0].offset, _size(group), room)
                with self._lock:
                    self._note(group, md5)

    def _next(self) -> tuple[Block, ...] | None:
        """Give the next parcel whose MD5 is not known."""
        with self._lock:
            for group in self._groups:
                known = self._sums.get(_key(group)) if self._sums is not None else None
                if known is None:
                    return group
                self._note(group, known)
        return None

    def _note(self, group: Sequence[Block], md5: bytes) -> None:
        if self._sums is not None:
            self._sums.put(_key(group), md5)
        self.done.append(Parcel(group[0].offset, _size(group), md5.hex()))


def md5_of(file: FileIO, offset: int, size: int, room: memoryview) -> bytes:
    """Read a stretch of a file through ``room`` and give its MD5. Raises EOFError where the file ends before."""
    md5 = hashlib.md5(usedforsecurity=False)
    file.seek(offset)
    while size:
        count = file.readinto(room[:size])
        if not count:
            raise EOFError(file.name)
        md5.update(room[:count])
        size -= count
    return md5.digest()


def _size(group: Sequence[Block]) -> int:
    return sum(block.size for block in group)


def _key(group: Sequence[Block]) -> bytes:
    """Name a parcel by its bytes."""
    return hashlib.sha256("".join(block.sha256 for block in group).encode()).digest()
