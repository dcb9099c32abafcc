"""Put one file into storage under an immutable name: whole or not at all, once, whatever happens on the way."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from vmpack.errors import PublishError
from vmpack.progress import SILENT, Progress
from vmpack.publish.blocks import key, parts_of
from vmpack.publish.container import CREATE_ONLY, BlockLists, Container
from vmpack.publish.inventory import located, staged_blocks
from vmpack.publish.model import (
    BlobProperties,
    Inventory,
    Part,
    PublishPlan,
    ReadAt,
    StoredBlob,
    Tally,
)
from vmpack.publish.plan import plan, summary
from vmpack.publish.session import StorageError
from vmpack.publish.transfer import SourceAccess, Transfer, no_access

SHA256_KEY = "vmpack_sha256"
"""The metadata name under which a blob carries the digest of its content."""
_ROUNDS = 3
"""How often a commit may find that its blocks have vanished before that is an error."""


Seen = tuple[BlobProperties | None, BlockLists]
"""A committed blob, or None, and the blocks under its name."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way: where it goes, how to read it, and what it is made of."""

    blob: str
    read_at: ReadAt
    size: int
    sha256: str
    parts: tuple[Part, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """How one file is stored."""

    overwrite: bool = False
    older: Inventory = field(default_factory=Inventory)
    """Blobs to copy ranges from."""
    access: SourceAccess = no_access
    threads: int = 16
    progress: Progress = SILENT


def store(container: Container, upload: Upload, options: StoreOptions, seen: Seen) -> StoredBlob:
    """Make sure that a blob with this content stands under this name; ``seen`` is what ``look`` found there.

    Raises PublishError where another content stands there and ``overwrite`` is not set, where storage cannot be
    reached, or where what was stored is not what was sent.
    """
    existing, lists = seen
    if existing and same_content(container, existing, upload):
        options.progress.advance(upload.size)
        return _stored(container, upload, existing.etag, _nothing_sent(upload), existed=True)
    if existing and not options.overwrite:
        raise _exists(container, upload)
    condition = {"If-Match": existing.etag} if existing else CREATE_ONLY
    sent = Tally()
    notes: list[str] = []
    for _ in range(_ROUNDS):
        steps = plan(upload.parts, _inventory(options, lists, existing))
        if steps.clear:
            _clear(container, upload.blob, replacing=existing is not None)
        transfer = Transfer(
            container, upload.blob, upload.read_at, options.access, options.progress, options.threads
        )
        tally = transfer.run(steps)
        sent = Tally(
            tally.bytes_total,
            sent.bytes_sent + tally.bytes_sent,
            tally.blocks_total,
            sent.blocks_sent + tally.blocks_sent,
        )
        notes += [*steps.notes, *transfer.notes]
        etag = _commit(container, upload, steps, condition)
        if etag is not None:
            _verify(container, upload, steps)
            return _stored(container, upload, etag, sent, existed=False, notes=notes)
        lists = container.block_lists(upload.blob)
    raise PublishError(
        "the blocks vanish before they can be committed",
        why="Another publisher commits or deletes the same name again and again.",
        remedy="Publish from one place at a time.",
        where=container.blob_url(upload.blob),
        rule="blob-contended",
    )


def look(container: Container, blob: str) -> Seen:
    """See what stands under a name, in one round trip."""
    return container.session.both(lambda: container.properties(blob), lambda: container.block_lists(blob))


def rehearse(container: Container, upload: Upload, options: StoreOptions, seen: Seen) -> tuple[str, ...]:
    """Tell what ``store`` would do, block by block where the reason changes, and change nothing."""
    existing, lists = seen
    if existing and same_content(container, existing, upload):
        return ("nothing to do: it is there with this content",)
    if existing and not options.overwrite:
        raise _exists(container, upload)
    return summary(plan(upload.parts, _inventory(options, lists, existing)).steps)


def _inventory(options: StoreOptions, lists: BlockLists, existing: BlobProperties | None) -> Inventory:
    waiting = staged_blocks(lists, replacing=existing is not None)
    return Inventory(waiting.staged, waiting.foreign, options.older.sources, options.older.notes)


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


def _commit(
    container: Container, upload: Upload, steps: PublishPlan, condition: Mapping[str, str]
) -> str | None:
    """Commit and give the etag; None where the blocks are gone and must be brought again.

    An answer that gets lost makes the second attempt fail although the first one won, so a refusal counts only
    after a look at what stands there now.
    """
    metadata = {SHA256_KEY: upload.sha256, **upload.metadata}
    blocks = [step.id for step in steps.steps]
    try:
        return container.commit(upload.blob, blocks, condition=condition, metadata=metadata)
    except StorageError as error:
        if error.status not in (400, 404, 409, 412):
            raise
        winner = container.properties(upload.blob)
        if winner and same_content(container, winner, upload):
            return winner.etag
        untouched = winner is None or winner.etag == condition.get("If-Match")
        if untouched and error.code == "InvalidBlockList":
            return None
        if untouched or error.code == "LeaseIdMissing":
            raise
        raise _exists(container, upload, meanwhile=True) from None


def same_content(container: Container, existing: BlobProperties, upload: Upload) -> bool:
    """Tell whether a blob holds exactly this file: by the digest it carries, its block ids, or at last its bytes."""
    if existing.type not in ("BlockBlob", ""):
        raise PublishError(
            f"{existing.type} blob type is not supported for PublishPackage operation."
            " Only page blobs and block blobs are supported.",
            why="A blob that vmpack did not make stands under this name; vmpack makes and accepts block blobs only.",
            remedy="Delete that blob, or publish another version.",
            where=container.blob_url(upload.blob),
            rule="blob-type",
        )
    if existing.size != upload.size:
        return False
    recorded = existing.metadata.get(SHA256_KEY)
    if recorded:
        return recorded == upload.sha256
    committed = container.block_lists(upload.blob).committed
    named = [part for part, _ in located(committed)]
    if named and len(named) == len(upload.parts) and all(parts_of(block) for block in committed):
        return named == [key(part) for part in upload.parts]
    return remote_sha256(container, upload.blob, existing.size) == upload.sha256


def remote_sha256(container: Container, blob: str, size: int) -> str:
    """Read a whole blob and give its sha256."""
    digest = hashlib.sha256()
    step = 8 << 20
    for offset in range(0, size, step):
        digest.update(container.read(blob, offset, min(step, size - offset)))
    return digest.hexdigest()


def _verify(container: Container, upload: Upload, steps: PublishPlan) -> None:
    """Compare length, digest and block list of the committed blob with what was meant."""
    found, lists = look(container, upload.blob)
    wanted = [(step.id, step.size) for step in steps.steps]
    if found and found.size == upload.size and found.metadata.get(SHA256_KEY) == upload.sha256:
        if [(block.id, block.size) for block in lists.committed] == wanted:
            return
        # Another publisher of the same content may have grouped the parts otherwise, and won.
        parts = [part for part, _ in located(lists.committed)]
        if parts == [key(part) for part in upload.parts]:
            return
    raise PublishError(
        "the blob is not what was sent",
        why="Its length, its digest or its block list differs; somebody else may have written it meanwhile.",
        remedy="Look at it with `vmpack verify --remote`, and publish again.",
        where=container.blob_url(upload.blob),
        rule="blob-differs",
    )


def _nothing_sent(upload: Upload) -> Tally:
    return Tally(bytes_total=upload.size, blocks_total=len(upload.parts))


def _stored(
    container: Container,
    upload: Upload,
    etag: str,
    tally: Tally,
    *,
    existed: bool,
    notes: list[str] | None = None,
) -> StoredBlob:
    return StoredBlob(
        upload.blob,
        container.blob_url(upload.blob),
        upload.size,
        upload.sha256,
        etag,
        tally,
        existed,
        tuple(dict.fromkeys(notes or ())),
    )


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
