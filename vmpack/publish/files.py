"""Read a release's file from many threads."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from vmpack.errors import PublishError
from vmpack.publish.model import ReadAt
from vmpack.release.model import Artifact


@contextmanager
def reader(artifact: Artifact) -> Iterator[ReadAt]:
    """Open a release's file for positioned reads from many threads; refuses a file of another size."""
    with artifact.path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size != artifact.size:
            raise PublishError(
                f"the file has {size} bytes, the release says {artifact.size}",
                remedy="Build the release again.",
                where=artifact.path,
                rule="release-damaged",
            )
        lock = threading.Lock()

        def read_at(offset: int, length: int) -> bytes:
            if hasattr(os, "pread"):
                return os.pread(file.fileno(), length, offset)
            with lock:
                file.seek(offset)
                return file.read(length)

        yield read_at
