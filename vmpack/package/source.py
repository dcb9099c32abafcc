"""Reading the payload's files: each opened once, hashed while it is read, and refused if it changed meanwhile."""

import hashlib
import os
from collections.abc import Callable

from vmpack.content.model import Entry
from vmpack.errors import BuildError
from vmpack.package.archive import Digest
from vmpack.stamps import Stamp, stamp_of

# A FIFO that took the file's place must not hang the build, and a link must not lead out of the payload.
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


def _readinto(descriptor: int, view: memoryview) -> int:
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        return file.readinto(view) or 0


def _readv(descriptor: int, view: memoryview) -> int:
    return os.readv(descriptor, (view,))


_read_once: Callable[[int, memoryview], int] = _readv if hasattr(os, "readv") else _readinto


def open_source(path: str) -> int:
    """Open a file for reading; the caller closes the descriptor."""
    try:
        return os.open(path, _FLAGS)
    except OSError as error:
        raise BuildError(
            "the file cannot be read",
            why=f"{error.strerror}.",
            where=path,
            rule="payload-unreadable",
        ) from error


def fill(descriptor: int, view: memoryview) -> int:
    """Read until ``view`` is full or the file ends; give the number of bytes."""
    size = len(view)
    filled = _read_once(descriptor, view) if size else 0
    while 0 < filled < size:
        more = _read_once(descriptor, view[filled:])
        if more == 0:
            break
        filled += more
    return filled


def check_stamp(descriptor: int, path: str, stamp: Stamp | None) -> None:
    """Raise BuildError if the open file is not the one that was listed, byte for byte as far as its stamp tells."""
    if stamp is not None and stamp_of(os.fstat(descriptor)) != stamp:
        raise changed(path)


def changed(path: str) -> BuildError:
    """Make the error for a file that is not what it was when the build began."""
    return BuildError(
        "the file changed while it was packed",
        why="A package must hold one state of each file.",
        remedy="Wait until nothing writes to the payload, then build again.",
        where=path,
        rule="payload-changed",
    )


def read_file(root: str, entry: Entry, view: memoryview, known: Digest | None = None) -> Digest:
    """Read a whole file into ``view``, which has exactly its size, and give its sha256.

    ``known`` is the sha256 of what has the entry's stamp; the stamp is looked at again after reading.
    """
    path = f"{root}/{entry.path}"
    descriptor = open_source(path)
    try:
        if fill(descriptor, view) != len(view):
            raise changed(path)
        digest = known or hashlib.sha256(view).digest()
        check_stamp(descriptor, path, entry.stamp)
    finally:
        os.close(descriptor)
    return digest
