"""A file larger than a segment: read in order, cut by its content, hashed as a whole."""

import hashlib
import os
import zlib

from vmpack.content.model import Entry
from vmpack.package.archive import Piece
from vmpack.package.cut import find_cut
from vmpack.package.source import changed, check_stamp, fill, open_source


class LargeFile:
    """Reads one large file piece by piece; the pieces must be taken in order, by one thread at a time.

    No piece but the last is smaller than half of ``maximum``; behind that an eighth of it is searched for a cut.
    """

    def __init__(self, root: str, entry: Entry, maximum: int, *, with_crc: bool = False) -> None:
        self.entry = entry
        self._smallest = maximum // 2
        self._window = maximum // 8
        self._path = f"{root}/{entry.path}"
        self._descriptor = open_source(self._path)
        self._offset = 0
        self._digest = hashlib.sha256()
        self._through = self._digest.digest()
        self._crc = 0
        self._with_crc = with_crc

    def next_piece(self, buffer: memoryview) -> Piece:
        """Read the next piece into the front of ``buffer`` (``maximum`` bytes) and tell what it is."""
        wanted = min(self._smallest + self._window, self.entry.size - self._offset)
        os.lseek(self._descriptor, self._offset, os.SEEK_SET)
        if fill(self._descriptor, buffer[:wanted]) != wanted:
            raise changed(self._path)
        start, before = self._offset, self._through
        size = wanted
        if start + wanted < self.entry.size:
            size = self._smallest + find_cut(bytes(buffer[self._smallest : wanted]))
        self._digest.update(buffer[:size])
        if self._with_crc:
            self._crc = zlib.crc32(buffer[:size], self._crc)
        self._through = self._digest.digest()
        self._offset += size
        if self.at_end:
            check_stamp(self._descriptor, self._path, self.entry.stamp)
        return Piece(start, self._offset, before, self._through, self._crc)

    @property
    def at_end(self) -> bool:
        """Whether every piece has been taken."""
        return self._offset == self.entry.size

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def read_piece(root: str, entry: Entry, piece: Piece, view: memoryview) -> None:
    """Read a piece that is known from an earlier build, because its frame is gone from the cache."""
    path = f"{root}/{entry.path}"
    descriptor = open_source(path)
    try:
        os.lseek(descriptor, piece.start, os.SEEK_SET)
        if fill(descriptor, view) != len(view):
            raise changed(path)
        check_stamp(descriptor, path, entry.stamp)
    finally:
        os.close(descriptor)
