"""Put files into storage under immutable names: whole or not at all, once, whatever happens on the way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from vmpack.errors import PublishError
from vmpack.progress import SILENT, Progress
from vmpack.publish import transfer
from vmpack.publish.body import Hasher
from vmpack.publish.container import CREATE_ONLY, BlockLists, Container
from vmpack.publish.content import SHA256_KEY, Upload, same_content
from vmpack.publish.inventory import Seen, staged_blocks
from vmpack.publish.model import Inventory, PublishPlan, StoredBlob, Tally
from vmpack.publish.plan import plan, summary
from vmpack.publish.refusals import StorageError
from vmpack.publish.transfer import SourceAccess, Transfer, no_access

_TRIES = 3
"""How often a commit may find that its blocks have vanished before that is an error."""


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """How files are stored."""

    overwrite: bool = False
    older: Inventory = field(default_factory=Inventory)
    """Blobs to copy ranges from."""
    access: SourceAccess = no_access
    progress: Progress = SILENT


@dataclass(slots=True)
class Job:
    """One file on its way under its name, and how far it is."""

    upload: Upload
    seen: Seen
    """What stood under the name before."""
    existed: bool = False
    """Whether that is this very file."""
    plan: PublishPlan = field(default_factory=lambda: PublishPlan(()))
    etag: str | None = None
    """Of the blob that is whole."""
    tally: Tally = field(default_factory=Tally)
    notes: list[str] = field(default_factory=list)

    @property
    def condition(self) -> Mapping[str, str]:
        """What must hold for the commit to count: the name is still free, or holds what was seen."""
        return {"If-Match": self.seen.existing.etag} if self.seen.existing else CREATE_ONLY

    def stored(self, container: Container) -> StoredBlob:
        """Give the outcome."""
        upload = self.upload
        return StoredBlob(
            upload.blob,
            container.blob_url(upload.blob),
            upload.size,
            upload.sha256,
            self.etag or "",
            self.tally,
            self.existed,
            tuple(dict.fromkeys(self.notes)),
        )


def store(
    container: Container, uploads: Sequence[Upload], seen: Sequence[Seen], options: StoreOptions
) -> list[Job]:
    """Make sure that blobs with these contents stand under their names; ``seen`` is what ``look`` found there.

    Nothing is sent before all names are known to be free, and nothing is committed before all blocks have arrived.
    Raises PublishError where another content stands there and ``overwrite`` is not set, and where storage cannot be
    reached. What was committed is still to be verified.
    """
    jobs = [_begin(container, *pair, options) for pair in zip(uploads, seen, strict=True)]
    for _ in range(_TRIES):
        waiting = [job for job in jobs if job.etag is None]
        _bring(container, waiting, options)
        for job, etag in zip(
            waiting, container.session.map(partial(_commit, container), waiting), strict=True
        ):
            job.etag = etag
            if etag is None:
                job.seen = Seen(job.seen.existing, container.block_lists(job.upload.blob))
        if all(job.etag is not None for job in jobs):
            return jobs
    raise PublishError(
        "the blocks vanish before they can be committed",
        why="Another publisher commits or deletes the same name again and again.",
        remedy="Publish from one place at a time.",
        where=container.url,
        rule="blob-contended",
    )


def _begin(container: Container, upload: Upload, seen: Seen, options: StoreOptions) -> Job:
    """See whether there is anything to do, and whether it may be done."""
    if seen.existing and same_content(container, seen, upload):
        options.progress.advance(upload.size)
        nothing = Tally(bytes_total=upload.size, blocks_total=len(upload.parts))
        return Job(upload, seen, existed=True, etag=seen.existing.etag, tally=nothing)
    if seen.existing and not options.overwrite:
        raise _exists(container, upload)
    return Job(upload, seen)


def _bring(container: Container, jobs: Sequence[Job], options: StoreOptions) -> None:
    """Bring the blocks of all jobs to storage."""
    transfers = []
    hasher = Hasher()
    for job in jobs:
        job.plan = _plan(job.upload, job.seen, options)
        if job.plan.clear:
            _clear(container, job.upload.blob, replacing=job.seen.existing is not None)
        file = job.upload.file
        transfers.append(
            Transfer(container, job.upload.blob, job.plan, file, options.access, options.progress, hasher)
        )
    transfer.run(transfers)
    for job, done in zip(jobs, transfers, strict=True):
        now, before = done.tally, job.tally
        job.tally = Tally(
            now.bytes_total,
            before.bytes_sent + now.bytes_sent,
            now.blocks_total,
            before.blocks_sent + now.blocks_sent,
        )
        job.notes += [*job.plan.notes, *done.notes]


def rehearse(container: Container, upload: Upload, seen: Seen, options: StoreOptions) -> tuple[str, ...]:
    """Tell what ``store`` would do, block by block where the reason changes, and change nothing."""
    job = _begin(container, upload, seen, options)
    if job.existed:
        return ("nothing to do: it is there with this content",)
    return summary(_plan(upload, seen, options).steps)


def _plan(upload: Upload, seen: Seen, options: StoreOptions) -> PublishPlan:
    waiting = staged_blocks(seen.lists, replacing=seen.existing is not None)
    older = options.older
    return plan(upload.groups, Inventory(waiting.staged, waiting.foreign, older.sources, older.notes))


def _clear(container: Container, blob: str, *, replacing: bool) -> None:
    """Throw away the uncommitted blocks of another tool: storage takes no ids of another length beside them.

    Committing an empty list is the one documented way to be rid of them at once; the empty blob is deleted before
    anything else happens, and only if nobody touched it meanwhile.
    """
    if replacing:
        raise PublishError(
            "another tool left uncommitted blocks under this name",
            why="Storage takes no blocks with ids of another length beside them.",
            remedy="Delete the blob first (vmpack unpublish), or publish another version.",
            where=container.blob_url(blob),
            rule="blob-contended",
        )
    etag = container.commit(blob, (), condition=CREATE_ONLY, metadata={})
    container.delete(blob, etag)


def _commit(container: Container, job: Job) -> str | None:
    """Commit and give the etag; None where the blocks are gone and must be brought again.

    An answer that gets lost makes the second attempt fail although the first one won, so a refusal counts only
    after a look at what stands there now.
    """
    upload, condition = job.upload, job.condition
    metadata = {SHA256_KEY: upload.sha256, **upload.metadata}
    blocks = [step.id for step in job.plan.steps]
    try:
        return container.commit(upload.blob, blocks, condition=condition, metadata=metadata)
    except StorageError as error:
        if error.status not in (400, 404, 409, 412):
            raise
        winner = container.properties(upload.blob)
        if winner and same_content(container, Seen(winner, BlockLists()), upload):
            return winner.etag
        untouched = winner is None or winner.etag == condition.get("If-Match")
        if untouched and error.code == "InvalidBlockList":
            return None
        if untouched or error.code == "LeaseIdMissing":
            raise
        raise _exists(container, upload, meanwhile=True) from None


def _exists(container: Container, upload: Upload, *, meanwhile: bool = False) -> PublishError:
    return PublishError(
        "another publisher stored other content under this name meanwhile"
        if meanwhile
        else "this version is published already, with other content",
        why="Published versions are immutable: machines that installed it would keep the old bytes under the same"
        " version, and scripts that pin the old digest would refuse the new ones.",
        remedy="Give it a new version. If nobody can have used it yet, --overwrite replaces it.",
        where=container.blob_url(upload.blob),
        rule="blob-exists",
    )
