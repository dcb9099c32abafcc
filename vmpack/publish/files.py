"""Read a release's file from many threads, in pieces that stay in the processor's cache."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO

from vmpack.errors import PublishError
from vmpack.publish.blocks import damaged
from vmpack.release.model import Artifact
from vmpack.values import dataclass

_PIECE = 512 << 10
"""Bytes. A block is hashed and sent in pieces of this size through one buffer for each thread: memory that is new
costs a page fault for every 4 KiB, and memory that fell out of the cache costs as much as sending it."""


class _Room(threading.local):
    """A thread's own buffer."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_PIECE))


class OpenFile:
    """A file that many threads read at any place."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._room = _Room()

    def read(self, offset: int, size: int) -> bytes:
        """Give exactly that many bytes. Raises PublishError where the file has become shorter."""
        return b"".join(map(bytes, self.pieces(offset, size)))

    def pieces(self, offset: int, size: int) -> Iterator[memoryview]:
        """Give a stretch piece by piece; a piece lasts until the next one, or until this thread reads elsewhere.

        Raises PublishError where the file has become shorter.
        """
        end = offset + size
        while offset < end:
            room = self._room.view[: end - offset]
            count = self._read_into(room, offset)
            if not count:
                raise damaged(offset, end - offset)
            yield room[:count]
            offset += count

    def _read_into(self, room: memoryview, offset: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [room], offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.readinto(room) or 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a file as the body of a request; every attempt reads it anew."""

    file: OpenFile
    offset: int
    size: int

    def __len__(self) -> int:
        return self.size

    def pieces(self) -> Iterator[memoryview]:
        """Give its bytes piece by piece."""
        return self.file.pieces(self.offset, self.size)


@contextmanager
def opened_file(artifact: Artifact) -> Iterator[OpenFile]:
    """Open a release's file; refuses a file of another size."""
    with FileIO(artifact.path) as file:
        size = os.fstat(file.fileno()).st_size
        if size != artifact.size:
            raise PublishError(
                f"the file has {size} bytes, the release says {artifact.size}",
                remedy="Build the release again.",
                where=artifact.path,
                rule="release-damaged",
            )
        yield OpenFile(file)
