"""The file being written: parts in order behind a gap for the head, which is written last."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

from vmpack.errors import LimitError
from vmpack.package.model import Block, BlockObserver

_READ = 1 << 20


class Output:
    """Writes one package and learns its blocks; removes the file again unless it was finished."""

    def __init__(
        self,
        path: Path,
        *,
        head_size: int,
        limit: int,
        too_big: Callable[[], LimitError],
        observer: BlockObserver | None,
    ) -> None:
        self._path = path
        self._limit = limit
        self._too_big = too_big
        self._observer = observer
        self._blocks: list[Block] = []
        self._finished = False
        self.offset = head_size
        self._file = open(path, "x+b", buffering=0)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self._finished:
            os.unlink(self._path)

    def append(self, data: bytes) -> None:
        """Write a block behind the last one; raise LimitError as soon as the limit is crossed."""
        if self.offset + len(data) > self._limit:
            raise self._too_big()
        self._write(self.offset, data)
        self.offset += len(data)

    def finish(self, head: bytes) -> tuple[str, tuple[Block, ...]]:
        """Fill the gap at the front; give the sha256 of the whole file and its blocks."""
        if head:
            self._write(0, head)
        self._file.seek(0)
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(_READ))
        while size := self._file.readinto(buffer):
            digest.update(buffer[:size])
        self._finished = True
        return digest.hexdigest(), tuple(sorted(self._blocks, key=lambda block: block.offset))

    def _write(self, offset: int, data: bytes) -> None:
        self._file.seek(offset)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        block = Block(offset, len(data), hashlib.sha256(data).hexdigest())
        self._blocks.append(block)
        if self._observer is not None:
            self._observer(block, data)
