"""Read a release's file from many threads."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO

from vmpack.errors import PublishError
from vmpack.publish.blocks import damaged
from vmpack.release.model import Artifact


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that many threads read at any place."""

    file: FileIO
    lock: threading.Lock

    def read(self, offset: int, size: int) -> bytes:
        """Give exactly that many bytes. Raises PublishError where the file has become shorter."""
        room = bytearray(size)
        self.read_into(offset, memoryview(room))
        return bytes(room)

    def read_into(self, offset: int, room: memoryview) -> None:
        """Fill the room with the bytes from there on. Raises PublishError where the file has become shorter."""
        filled = 0
        while filled < len(room):
            count = self._some(offset + filled, room[filled:])
            if not count:
                raise damaged(offset, len(room))
            filled += count

    def _some(self, offset: int, room: memoryview) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self.file.fileno(), [room], offset)
        with self.lock:
            self.file.seek(offset)
            return self.file.readinto(room) or 0


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
        yield OpenFile(file, threading.Lock())
