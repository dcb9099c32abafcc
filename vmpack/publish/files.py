"""Read a release's file from many threads."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from vmpack.errors import PublishError
from vmpack.publish.parts import damaged
from vmpack.release.model import Artifact


class OpenFile:
    """A file that many threads read at any place."""

    def __init__(self, file: FileIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._lock = threading.Lock()

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Name this file in errors that do not say where, and tell its own from those of the network."""
        try:
            yield
        except PublishError as error:
            error.where = error.where or str(self._path)
            raise
        except OSError as error:
            raise PublishError(
                f"the file cannot be read: {error.strerror or error}",
                where=self._path,
                rule="release-unreadable",
            ) from error

    def read(self, offset: int, size: int) -> bytes:
        """Give exactly that many bytes. Raises PublishError where the file has become shorter."""
        data = bytearray(size)
        self.read_into(memoryview(data), offset)
        return bytes(data)

    def read_into(self, room: memoryview, offset: int) -> None:
        """Fill ``room`` from there on. Raises PublishError where the file has become shorter."""
        done = 0
        while done < len(room):
            count = self._read_some(room[done:], offset + done)
            if not count:
                raise damaged(offset + done, len(room) - done)
            done += count

    def _read_some(self, room: memoryview, offset: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [room], offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.readinto(room) or 0


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
        yield OpenFile(file, artifact.path)
