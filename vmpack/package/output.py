"""The file being written: parts in order behind a gap for the head, which is written last."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

from vmpack.errors import LimitError
from vmpack.package.archive import Digest, Frame
from vmpack.package.frames import sealed
from vmpack.package.hashing import HashStream
from vmpack.package.model import Block, BlockObserver

_READ = 1 << 20


class Output:
    """Writes one package and learns its blocks; removes the file again after an error."""

    def __init__(
        self,
        path: Path,
        *,
        head_size: int,
        limit: int,
        too_big: Callable[[], LimitError],
        observer: BlockObserver | None,
    ) -> None:
        self.path = path
        self._limit = limit
        self._too_big = too_big
        self._observer = observer
        self._blocks: list[Block] = []
        self._stream: HashStream | None = None
        self._foreseen = b""
        self.offset = head_size
        self._file = open(path, "x+b", buffering=0)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._stream is not None:
            self._stream.digest()
        self._file.close()
        if kind is not None:
            os.unlink(self.path)

    def foresee(self, head: bytes) -> None:
        """Expect this head, so that the file can be hashed while it is written; before the first block."""
        self._foreseen = head
        self._stream = HashStream()
        self._stream.put(head)

    def append(self, frame: Frame) -> Block:
        """Write a block behind the last one and give it; raise LimitError as soon as the limit is crossed."""
        if self.offset + len(frame.data) > self._limit:
            raise self._too_big()
        block = self._write(self.offset, frame)
        self.offset += len(frame.data)
        if self._stream is not None:
            self._stream.put(frame.data)
        return block

    def finish(self, head: bytes) -> tuple[Block, ...]:
        """Fill the gap at the front; give all blocks."""
        if head:
            self._write(0, sealed(Frame(head)))
        if self._stream is not None and head != self._foreseen:
            self._stream.digest()
            self._stream = None
        return tuple(sorted(self._blocks, key=lambda block: block.offset))

    def digest(self) -> Digest:
        """Give the sha256 of the whole file, which is read for it unless its head was foreseen."""
        if self._stream is not None:
            return self._stream.digest()
        self._file.seek(0)
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(_READ))
        while size := self._file.readinto(buffer):
            digest.update(buffer[:size])
        return digest.digest()

    def _write(self, offset: int, frame: Frame) -> Block:
        self._file.seek(offset)
        rest = memoryview(frame.data)
        while rest:
            rest = rest[self._file.write(rest) :]
        block = Block(offset, len(frame.data), frame.digest.hex())
        self._blocks.append(block)
        if self._observer is not None:
            self._observer(block, bytes(frame.data))
        return block
