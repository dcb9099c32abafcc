"""Bring blocks to storage: many at once, each verified on the way out and by storage on the way in."""

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vmpack.progress import Progress
from vmpack.publish.blocks import check
from vmpack.publish.buffers import Buffers
from vmpack.publish.container import Container, SourceRange
from vmpack.publish.model import PublishPlan, ReadInto, SourceBlob, Step, Tally
from vmpack.publish.refusals import StorageError

SourceAccess = Callable[[SourceBlob], tuple[str, str | None] | None]
"""Gives the URL by which storage may read an older blob, and an Authorization header for it where it needs one."""

_HASHING = threading.BoundedSemaphore(os.cpu_count() or 1)
"""As many threads read and hash as there are processors: so the first blocks leave early, not all of them late."""


def no_access(_source: SourceBlob) -> None:
    """Let nothing be copied."""


@dataclass(slots=True)
class Transfer:
    """The blocks of one blob on their way."""

    container: Container
    blob: str
    plan: PublishPlan
    read_into: ReadInto
    access: SourceAccess
    progress: Progress
    notes: list[str] = field(default_factory=list)
    _sent: list[Step] = field(default_factory=list)
    _refused: str = ""
    """Why storage does not copy blocks at all; then the rest is sent without asking again."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def work(self) -> list[Step]:
        """The blocks that are not there yet."""
        return [step for step in self.plan.steps if step.kind in ("send", "copy")]

    @property
    def tally(self) -> Tally:
        """What has travelled so far."""
        parts = [part for step in self.plan.steps for part in step.parts]
        return Tally(
            bytes_total=sum(part.size for part in parts),
            bytes_sent=sum(step.size for step in self._sent),
            blocks_total=len(parts),
            blocks_sent=sum(len(step.parts) for step in self._sent),
        )

    def bring(self, step: Step, buffers: Buffers) -> None:
        """Bring one block to storage, uncommitted."""
        with self.container.session.gate.passage(), buffers.lent(step.size) as data:
            with _HASHING:
                self.read_into(step.offset, data)
                _verify(step, data)
                digest = hashlib.md5(data, usedforsecurity=False).digest()
            if step.kind == "send" or not self._copy(step, digest):
                self.container.put_block(self.blob, step.id, data, digest)
                with self._lock:
                    self._sent.append(step)
        self.progress.advance(step.size)

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


def run(transfers: Sequence[Transfer], threads: int) -> None:
    """Bring every block of several blobs to storage, uncommitted.

    Raises the first error after every other request has been called off; what has arrived stays for a resume.
    """
    work = [(transfer, step) for transfer in transfers for step in transfer.work]
    for transfer in transfers:
        transfer.progress.advance(sum(s.size for s in transfer.plan.steps if s.kind in ("staged", "repeat")))
    if work:
        buffers = Buffers([step.size for _, step in work], threads)
        transfers[0].container.session.map(lambda job: job[0].bring(job[1], buffers), work)


def _verify(step: Step, data: memoryview) -> None:
    start = 0
    for part in step.parts:
        check(part, data[start : start + part.size])
        start += part.size
