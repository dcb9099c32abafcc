"""A sha256 that is taken on a thread of its own while other work goes on."""

import hashlib
import queue
import threading

from vmpack.package.archive import Digest

_WAITING = 4
"""Blocks that may wait to be hashed."""


class HashStream:
    """Hashes what is put into it, in order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._queue: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> None:
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
