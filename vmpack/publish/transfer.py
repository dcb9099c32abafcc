"""Bring blocks to storage: many at once, each held against its MD5 when it arrives."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vmpack.progress import Progress
from vmpack.publish.body import FileBody, Hasher
from vmpack.publish.container import Container, SourceRange
from vmpack.publish.files import OpenFile
from vmpack.publish.model import PublishPlan, SourceBlob, Step, Tally
from vmpack.publish.refusals import StorageError

SourceAccess = Callable[[SourceBlob], tuple[str, str | None] | None]
"""Gives the URL by which storage may read an older blob, and an Authorization header for it where it needs one."""

_ATTEMPTS = 4
"""How often a block is sent that arrives with other bytes than were sent."""


def no_access(_source: SourceBlob) -> None:
    """Let nothing be copied."""


@dataclass(slots=True)
class Transfer:
    """The blocks of one blob on their way."""

    container: Container
    blob: str
    plan: PublishPlan
    file: OpenFile
    access: SourceAccess
    progress: Progress
    hasher: Hasher
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

    def bring(self, step: Step) -> None:
        """Bring one block to storage, uncommitted."""
        with self.container.session.gate.passage():
            if self._copy(step):
                self.progress.advance(step.size)
            else:
                self._send(step)

    def _send(self, step: Step) -> None:
        body = FileBody(self.file, step, self.progress)
        digest = self._md5(step)
        for left in reversed(range(_ATTEMPTS)):
            try:
                self.container.put_block(self.blob, step.id, body, digest)
                break
            except StorageError as error:
                if error.code != "Md5Mismatch" or not left:
                    raise
                # Damaged since the build, which is told now; or on the way, which another attempt may survive.
                digest = self.hasher.md5(self.file, step)
        with self._lock:
            self._sent.append(step)

    def _md5(self, step: Step) -> bytes:
        return step.md5 or self.hasher.md5(self.file, step)

    def _copy(self, step: Step) -> bool:
        """Let storage copy; False where it is not to, or will not, and the block must be sent."""
        if self._refused or step.source is None:
            return False
        reached = self.access(step.source)
        if reached is None:
            self._refuse("this credential cannot let storage read the older version")
            return False
        url, bearer = reached
        try:
            source = SourceRange(url, step.source_offset, step.size, bearer)
            self.container.copy_block(self.blob, step.id, source, self._md5(step))
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


def run(transfers: Sequence[Transfer]) -> None:
    """Bring every block of several blobs to storage, uncommitted.

    Raises the first error after every other request has been called off; what has arrived stays for a resume.
    """
    work = [(transfer, step) for transfer in transfers for step in transfer.work]
    # Largest first, so that no connection is left with a large one at the end.
    work.sort(key=lambda job: job[1].size, reverse=True)
    for transfer in transfers:
        transfer.progress.advance(sum(s.size for s in transfer.plan.steps if s.kind in ("staged", "repeat")))
    if work:
        transfers[0].container.session.map(lambda job: job[0].bring(job[1]), work)
