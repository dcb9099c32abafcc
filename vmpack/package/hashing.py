"""A sha256 that is taken on a thread of its own while other work goes on."""

import hashlib
import queue
import threading

from vmpack.package.archive import Data, Digest

_WAITING = 2
"""Blocks that may wait to be hashed: few, so that they are still in the processor's cache."""


class HashStream:
    """Hashes what is put into it, in order."""

    HELD = _WAITING + 1
    """So many of the blocks that were put last may still be read; the memory of those before may be used again."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._queue: queue.Queue[Data | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, data: Data) -> None:
        """Hash these bytes next; waits while too many are waiting."""
        self._queue.put(data)

    def digest(self) -> Digest:
        """Wait for everything that was put, and give the sha256 of it; may be asked again."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        return self._digest.digest()

    def _work(self) -> None:
        while (data := self._queue.get()) is not None:
            self._digest.update(data)
