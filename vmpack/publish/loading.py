"""Blocks read into memory and checked there, so that the bytes that are sent are the bytes that were checked."""

import hashlib
import os
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager

from vmpack.package.frames import crc32
from vmpack.progress import SILENT, Progress
from vmpack.publish.files import OpenFile
from vmpack.publish.model import Step
from vmpack.publish.parts import MAX_PART, damaged
from vmpack.publish.slabs import SLAB, Slabs

_HELD = 3 << 20
"""Bytes that one request holds on average, so that a publish stays below 150 MB with everything that it imports."""


class Loader:
    """Loads the blocks of one publish; safe to use from many threads."""

    def __init__(self, requests: int) -> None:
        self.slabs = Slabs(max(requests * _HELD, MAX_PART))
        # As many threads as there are processors, and one that fills gaps: so the first blocks leave early, not all
        # of them late. Only they take memory, so no more of it goes round than storage lets pile up.
        self._hashing = threading.BoundedSemaphore((os.cpu_count() or 1) + 1)

    @contextmanager
    def loaded(self, file: OpenFile, step: Step, progress: Progress = SILENT) -> Iterator["Loaded"]:
        """Load a block to be sent. Raises PublishError where the release was built from other bytes."""
        block = Loaded(self, file, step, progress)
        try:
            yield block
        finally:
            block.release()

    def load(self, file: OpenFile, step: Step) -> tuple[list[memoryview], bytes]:
        """Read and check a block; give the slabs that hold it, and its MD5."""
        with self._hashing:
            slabs = self.slabs.take(step.size)
            try:
                with file.blamed():
                    return slabs, _check(file, step, slabs)
            except BaseException:
                self.slabs.give(slabs)
                raise

    def md5(self, file: OpenFile, step: Step) -> bytes:
        """Read and check a block that need not be sent, and give its MD5."""
        with self._hashing:
            slabs = self.slabs.take(1)
            try:
                with file.blamed():
                    return _check(file, step, slabs)
            finally:
                self.slabs.give(slabs)


class Loaded:
    """A block as the body of a request. Its memory is given back while it is sent.

    Another attempt reads the block anew, and checks it anew. The progress advances as the connection takes the bytes:
    on a slow line many blocks are under way for minutes before the first one has arrived.
    """

    def __init__(self, loader: Loader, file: OpenFile, step: Step, progress: Progress) -> None:
        self._loader = loader
        self._file = file
        self._step = step
        self._progress = progress
        self._taken = 0
        self._slabs, self.md5 = loader.load(file, step)

    def __len__(self) -> int:
        return self._step.size

    def pieces(self) -> Generator[memoryview, None, None]:
        """Give the bytes piece by piece."""
        slabs, self._slabs = self._slabs or self._loader.load(self._file, self._step)[0], []
        self._progress.advance(-self._taken)
        self._taken = 0
        try:
            while self._taken < len(self):
                piece = slabs[0][: len(self) - self._taken]
                yield piece
                self._taken += len(piece)
                self._progress.advance(len(piece))
                self._loader.slabs.give([slabs.pop(0)])
        finally:
            self._loader.slabs.give(slabs)

    def release(self) -> None:
        """Give back what no attempt has begun to send."""
        slabs, self._slabs = self._slabs, []
        self._loader.slabs.give(slabs)


def _check(file: OpenFile, step: Step, slabs: Sequence[memoryview]) -> bytes:
    """Read a block, hold its parts against what the release was built from, and give the MD5 of all.

    Afterwards the slabs hold the block, where they are enough for it.
    """
    md5 = hashlib.md5(usedforsecurity=False)
    done = 0
    for part in step.parts:
        end, crc = done + part.size, 0
        while done < end:
            slab, inside = slabs[done // SLAB % len(slabs)], done % SLAB
            piece = slab[inside : inside + end - done]
            file.read_into(piece, step.offset + done)
            crc = crc32(piece, crc)
            md5.update(piece)
            done += len(piece)
        if crc != part.crc32:
            raise damaged(part.offset, part.size)
    return md5.digest()
