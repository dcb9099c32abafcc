"""Blocks as the bodies of requests: read piece by piece while they are sent, and anew for each attempt.

A block is sent as it lies on the disk. Whether these are the bytes that were built is for storage to say, which holds
them against the MD5 that the build took; so nothing is read twice, and what changes on the disk meanwhile is refused.
"""

import hashlib
import os
import threading
from collections.abc import Generator

from vmpack.progress import SILENT, Progress
from vmpack.publish.files import OpenFile
from vmpack.publish.model import Step
from vmpack.publish.parts import damaged

PIECE = 1 << 20
"""Bytes that are read and handed to the connection at a time: few enough for the processor's cache."""


_own = threading.local()


def _room() -> memoryview:
    """Give memory for one piece, of each thread its own: new memory costs a page fault for every 4 KiB."""
    if not hasattr(_own, "room"):
        _own.room = memoryview(bytearray(PIECE))
    room: memoryview = _own.room
    return room


class FileBody:
    """A block as the body of a request.

    The progress advances as the connection takes the bytes: on a slow line many blocks are under way for minutes
    before the first one has arrived.
    """

    def __init__(self, file: OpenFile, step: Step, progress: Progress = SILENT) -> None:
        self._file = file
        self._offset = step.offset
        self._size = step.size
        self._progress = progress
        self._taken = 0

    def __len__(self) -> int:
        return self._size

    def pieces(self) -> Generator[memoryview, None, None]:
        """Give the bytes from the first one on; raises PublishError where the file has become shorter."""
        self._progress.advance(-self._taken)
        self._taken = 0
        with self._file.blamed():
            while self._taken < self._size:
                piece = _room()[: self._size - self._taken]
                self._file.read_into(piece, self._offset + self._taken)
                yield piece
                self._taken += len(piece)
                self._progress.advance(len(piece))


class Hasher:
    """Takes the MD5 of blocks that the build did not group so; safe to use from many threads."""

    def __init__(self) -> None:
        # As many threads as there are processors, and one that fills gaps: so the first blocks leave early, not all
        # of them late.
        self._turns = threading.BoundedSemaphore((os.cpu_count() or 1) + 1)

    def md5(self, file: OpenFile, step: Step) -> bytes:
        """Read a block and give its MD5. Raises PublishError where the release was built from other bytes."""
        with self._turns, file.blamed():
            return _checked(file, step)


def _checked(file: OpenFile, step: Step) -> bytes:
    md5 = hashlib.md5(usedforsecurity=False)
    for part in step.parts:
        sha256 = hashlib.sha256()
        offset, left = part.offset, part.size
        while left:
            piece = _room()[:left]
            file.read_into(piece, offset)
            sha256.update(piece)
            md5.update(piece)
            offset += len(piece)
            left -= len(piece)
        if sha256.hexdigest() != part.sha256:
            raise damaged(part.offset, part.size)
    return md5.digest()
