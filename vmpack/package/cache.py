"""The build cache: frames by the digest of everything that decides their bytes.

A frame is one file, written whole, checked when it is read, touched when it is used. A damaged frame is a miss
and is removed. Several builds may share the folder: a file never changes once it stands, and one that vanishes
is a miss.
"""

import contextlib
import io
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from vmpack.atomic import write_whole
from vmpack.content.model import Entry
from vmpack.package.archive import Data, Frame
from vmpack.package.frames import crc32
from vmpack.package.index import FileIndex
from vmpack.package.sums import KnownSums
from vmpack.values import dataclass

DEFAULT_LIMIT = 2 << 30
"""Bytes that the cache may hold."""
RECORDS = "builds"
"""The folder in which the records of whole builds lie, which count as part of the cache."""
_HEADER = struct.Struct("<16s32sIII")
_MAGIC = b"vmpack frame 2\n\0"
_DIGEST = 32
_PRUNED_TO = 0.8
"""Pruning leaves room, so that the next build does not have to prune again."""


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What lies in the cache."""

    folder: Path
    frames: int
    size: int
    """Bytes, indexes included."""
    limit: int


class SegmentCache:
    """A folder of frames and file indexes; every failure to write is silent, because a build can do without."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._frames = os.path.join(folder, "frames")

    @classmethod
    def open(cls, folder: Path, limit_bytes: int = DEFAULT_LIMIT) -> "SegmentCache":
        """Open the cache in ``folder``, which is made; raise OSError when it cannot be."""
        folder = Path(os.path.abspath(folder))
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return cls(folder, limit_bytes)

    def get(self, key: bytes, room: memoryview | None = None) -> Frame | None:
        """Give the frame of ``key``, None when it is not there or is damaged; its data in ``room`` if they fit."""
        path = self._path(key)
        try:
            with open(path, "rb", buffering=0) as file:
                frame = _read(file, key, room)
            os.utime(path)
        except OSError:
            return None
        if frame is None:
            with contextlib.suppress(OSError):
                os.unlink(path)
        return frame

    def size(self, key: bytes) -> int | None:
        """Give the bytes of a frame by its header alone; ``get`` may still find it damaged. It counts as used."""
        path = self._path(key)
        try:
            with open(path, "rb", buffering=0) as file:
                header = file.read(_HEADER.size) or b""
            os.utime(path)
        except OSError:
            return None
        if len(header) != _HEADER.size or not header.startswith(_MAGIC + key):
            return None
        size: int = _HEADER.unpack(header)[2]
        return size

    def put(self, key: bytes, frame: Frame) -> None:
        """Keep a frame, whose digest and checksum are known."""
        body = frame.directory + frame.digest
        header = _HEADER.pack(_MAGIC, key, len(frame.data), len(body), crc32(body, frame.crc))
        with contextlib.suppress(OSError):
            write_whole(self._path(key), header, body, frame.data)

    def index(self, root: str, entries: Sequence[Entry]) -> FileIndex:
        """Open the index of the files below ``root``."""
        return FileIndex(self._place_of(root), entries)

    def sums(self, root: str) -> KnownSums:
        """Open the memory for the parcels that are packed from ``root``."""
        return KnownSums(f"{self._place_of(root)}.sums")

    def stats(self) -> CacheStats:
        """Count what is there."""
        files = list(self._files())
        frames = sum(path.startswith(self._frames) for path, _, _ in files)
        return CacheStats(self._folder, frames, sum(size for _, size, _ in files), self._limit)

    def excess(self) -> list[tuple[str, int]]:
        """Give path and size of what was not used for longest and must go so that the cache fits its limit."""
        files = sorted(self._files(), key=lambda file: file[2])
        total = sum(size for _, size, _ in files)
        if total <= self._limit:
            return []
        kept = total
        going = []
        for path, size, _ in files:
            if kept <= self._limit * _PRUNED_TO:
                break
            going.append((path, size))
            kept -= size
        return going

    def remove(self, files: Iterable[tuple[str, int]]) -> int:
        """Remove files of the cache, given as path and size; give the bytes freed."""
        freed = 0
        for path, size in files:
            with contextlib.suppress(OSError):
                os.unlink(path)
                freed += size
        return freed

    def prune(self) -> int:
        """Remove what was not used for longest until the cache fits its limit; give the bytes freed."""
        return self.remove(self.excess())

    def clear(self) -> int:
        """Remove everything; give the bytes freed."""
        return self.remove([(path, size) for path, size, _ in self._files()])

    def _files(self) -> Iterator[tuple[str, int, int]]:
        """Give path, size and last use of every file, those of killed writers included."""
        # Only what is ours: VMPACK_CACHE_DIR may name a folder that holds other things too.
        for part in (self._frames, *(os.path.join(self._folder, name) for name in ("index", RECORDS))):
            for folder, _, names in os.walk(part):
                for name in names:
                    path = os.path.join(folder, name)
                    with contextlib.suppress(OSError):
                        status = os.stat(path)
                        yield path, status.st_size, status.st_mtime_ns

    def _place_of(self, root: str) -> str:
        return os.path.join(self._folder, "index", sha256(os.fsencode(root)).hexdigest()[:32])

    def _path(self, key: bytes) -> str:
        name = key.hex()
        return os.path.join(self._frames, name[:2], name[2:])


def _read(file: io.FileIO, key: bytes, room: memoryview | None) -> Frame | None:
    header = file.read(_HEADER.size) or b""
    if len(header) != _HEADER.size:
        return None
    magic, named, size, body_size, checksum = _HEADER.unpack(header)
    if (magic, named) != (_MAGIC, key) or os.fstat(file.fileno()).st_size != len(header) + size + body_size:
        return None
    body = file.read(body_size) or b""
    data: Data
    if room is not None and size <= len(room):
        data = room[: file.readinto(room[:size]) or 0]
    else:
        data = file.read(size) or b""
    crc = crc32(data)
    if len(body) < _DIGEST or len(data) != size or crc32(body, crc) != checksum:
        return None
    return Frame(data, body[:-_DIGEST], body[-_DIGEST:], crc)
