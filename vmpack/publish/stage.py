"""Let blocks travel while later ones are still compressed.

What is sent here stays uncommitted. Publishing proper finds it afterwards, exactly as it finds what an interrupted
run left behind, and sends what is missing; so nothing here has to succeed.
"""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from vmpack.errors import VmpackError
from vmpack.package.model import BlockObserver
from vmpack.package.parcels import is_whole
from vmpack.publish.blocks import block_id, key, parts_of
from vmpack.publish.container import Container
from vmpack.publish.destination import Destination
from vmpack.publish.inventory import Seen, look, staged_blocks
from vmpack.publish.model import Inventory, Part, PartKey, Published, Tally
from vmpack.publish.run import PublishOptions, opened, publish
from vmpack.publish.wire import CancelledError
from vmpack.release.model import Release
from vmpack.values import dataclass, replace

_SMALLEST = 64 << 10
"""Bytes. Smaller blocks wait for publishing proper, where neighbours share a request."""
_ROOM = 48 << 20
"""Bytes that may wait to be sent; a build that is faster than the network pauses there."""


class Stager:
    """Sends blocks of one blob as they become final; use it as a context manager."""

    def __init__(self, container: Container, blob: str, known: frozenset[PartKey], threads: int) -> None:
        self._container = container
        self._blob = blob
        self._known = set(known)
        self._pool = ThreadPoolExecutor(threads, "stage")
        self._room = threading.Condition()
        self._held = 0
        self._stopped = threading.Event()
        self.sent = Tally()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self._stop()
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)

    def observe(self, part: Part, data: bytes) -> None:
        """Take a block whose bytes are final; waits while too much is on its way. Never raises."""
        if part.size < _SMALLEST or not is_whole(part):
            return
        with self._room:
            if self._stopped.is_set() or key(part) in self._known:
                return
            self._known.add(key(part))
            self._room.wait_for(
                lambda: self._stopped.is_set() or not self._held or self._held + part.size <= _ROOM
            )
            if self._stopped.is_set():
                return
            self._held += part.size
        self._pool.submit(self._send, part, data)

    def _send(self, part: Part, data: bytes) -> None:
        try:
            if self._stopped.is_set():
                return
            digest = hashlib.md5(data, usedforsecurity=False).digest()
            with self._container.session.gate.passage():
                self._container.put_block(self._blob, block_id((part,)), data, digest)
            with self._room:
                self.sent += Tally(bytes_sent=part.size, blocks_sent=1)
        except (VmpackError, CancelledError):
            # Publishing proper will meet the same trouble and tell of it.
            self._stop()
        finally:
            with self._room:
                self._held -= part.size
                self._room.notify_all()

    def _stop(self) -> None:
        with self._room:
            self._stopped.set()
            self._room.notify_all()


@dataclass(frozen=True, slots=True)
class Coming:
    """What is known of a release before it is built."""

    name: str
    version: str
    package_file_name: str
    """Empty where the name depends on the payload; then nothing travels early."""


def build_and_publish(
    coming: Coming,
    build: Callable[[BlockObserver | None], Release],
    destination: Destination,
    options: PublishOptions,
) -> Published:
    """Build a release and publish it, with its blocks on their way during the build.

    Storage is asked first, so a wrong key or container is found before anything is compressed. Raises what the
    build raises, and PublishError.
    """
    blob = f"{coming.name}/{coming.version}/{coming.package_file_name}"
    with opened(destination, options) as container:
        if options.create_container:
            container.create()
        (seen,), older = look(container, coming.name, [blob])
        if not coming.package_file_name or seen.existing is not None:
            sent = Tally()
            release = build(None)
        else:
            with Stager(container, blob, _known(seen, older), options.threads) as stager:
                release = build(stager.observe)
            sent = stager.sent
    published = publish(release, destination, options)
    return replace(published, package=replace(published.package, tally=published.package.tally + sent))


def _known(seen: Seen, older: Inventory) -> frozenset[PartKey]:
    """Give the parts that need not travel: staged by an earlier run, or to be copied from an older version."""
    waiting = staged_blocks(seen.lists, replacing=False)
    copied = (part for source in older.sources for part, _ in source.parts)
    return frozenset(copied) | {part for block in waiting.staged for part in parts_of(block)}
