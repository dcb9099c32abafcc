"""Carry out a plan: many blocks at once, each verified on the way out and by storage on the way in."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from vmpack.progress import Progress
from vmpack.publish.blocks import check
from vmpack.publish.container import Container, SourceRange
from vmpack.publish.model import PublishPlan, ReadAt, SourceBlob, Step, Tally
from vmpack.publish.session import StorageError

SourceAccess = Callable[[SourceBlob], tuple[str, str | None] | None]
"""Gives the URL by which storage may read an older blob, and an Authorization header for it where it needs one."""

_ROOM = 64 << 20
"""Bytes of blocks in memory."""


def no_access(_source: SourceBlob) -> None:
    """Let nothing be copied."""


@dataclass(slots=True)
class Transfer:
    """One blob's blocks on their way; ``run`` it once."""

    container: Container
    blob: str
    read_at: ReadAt
    access: SourceAccess
    progress: Progress
    threads: int = 16
    notes: list[str] = field(default_factory=list)
    _sent: list[Step] = field(default_factory=list)
    _refused: str = ""
    """Why storage does not copy blocks at all; then the rest is sent without asking again."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, plan: PublishPlan) -> Tally:
        """Bring every block of the plan to storage, uncommitted.

        Raises the first error after every other request has been called off; what has arrived stays for a resume.
        """
        work = [step for step in plan.steps if step.kind in ("send", "copy")]
        for step in plan.steps:
            if step.kind in ("staged", "repeat"):
                self.progress.advance(step.size)
        self.container.session.map(self._one, work, _workers(work, self.threads))
        parts = [part for step in plan.steps for part in step.parts]
        return Tally(
            bytes_total=sum(part.size for part in parts),
            bytes_sent=sum(step.size for step in self._sent),
            blocks_total=len(parts),
            blocks_sent=sum(len(step.parts) for step in self._sent),
        )

    def _one(self, step: Step) -> None:
        with self.container.session.gate.passage():
            self._bring(step)
        self.progress.advance(step.size)

    def _bring(self, step: Step) -> None:
        data = self.read_at(step.offset, step.size)
        _verify(step, data)
        digest = hashlib.md5(data, usedforsecurity=False).digest()
        if step.kind == "send" or not self._copy(step, digest):
            self.container.put_block(self.blob, step.id, data, digest)
            with self._lock:
                self._sent.append(step)

    def _copy(self, step: Step, digest: bytes) -> bool:
        """Let storage copy; False where it will not and the block must be sent after all."""
        if self._refused or step.source is None:
            return False
        reached = self.access(step.source)
        if reached is None:
            self._refuse("this credential cannot let storage read the older version")
            return False
        url, bearer = reached
        try:
            source = SourceRange(url, step.source_offset, step.size, bearer)
            self.container.copy_block(self.blob, step.id, source, digest)
        except StorageError as error:
            if error.code not in ("Md5Mismatch", "InvalidRange", "SourceConditionNotMet"):
                self._refuse(f"storage does not copy from {step.source.name} ({error.code})")
            return False
        return True

    def _refuse(self, why: str) -> None:
        with self._lock:
            if not self._refused:
                self._refused = why
                self.notes.append(f"{why}: blocks are sent instead")


def _workers(work: Sequence[Step], most: int) -> int:
    """Give so many workers that the largest blocks of all of them fit into memory at once.

    A worker's memory stays with it after its largest block, so the sum counts even when they come one by one.
    """
    largest = sorted((step.size for step in work), reverse=True)[:most]
    return max(2, sum(held <= _ROOM for held in accumulate(largest)))


def _verify(step: Step, data: bytes) -> None:
    start = 0
    view = memoryview(data)
    for part in step.parts:
        check(part, hashlib.sha256(view[start : start + part.size]).hexdigest())
        start += part.size
