"""Whether a stored blob holds exactly this file."""

import hashlib
from collections.abc import Mapping

from vmpack.errors import PublishError
from vmpack.publish.blocks import key, parts_of
from vmpack.publish.container import BlockLists, Container
from vmpack.publish.files import OpenFile
from vmpack.publish.inventory import Seen, located
from vmpack.publish.model import BlobProperties, Group, Part, PublishPlan
from vmpack.publish.trial import blob_type_refused
from vmpack.values import dataclass, field

SHA256_KEY = "vmpack_sha256"
"""The metadata name under which a blob carries the digest of its content."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way: where it goes, how to read it, and what it is made of."""

    blob: str
    file: OpenFile
    size: int
    sha256: str
    groups: tuple[Group, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All its parts, in order."""
        return tuple(part for group in self.groups for part in group.parts)


def same_content(container: Container, seen: Seen, upload: Upload) -> bool:
    """Tell whether a blob holds this file: by the digest it carries, its block ids, or at last its bytes.

    Raises PublishError for a blob of another type than block blob.
    """
    existing = seen.existing
    if existing is None:
        return False
    if existing.type not in ("BlockBlob", ""):
        raise blob_type_refused(
            existing.type,
            container.blob_url(upload.blob),
            remedy="Delete that blob, or publish another version.",
        )
    if existing.size != upload.size:
        return False
    recorded = existing.metadata.get(SHA256_KEY)
    if recorded:
        return recorded == upload.sha256
    committed = seen.lists.committed
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


def verify(
    url: str, upload: Upload, plan: PublishPlan, found: BlobProperties | None, lists: BlockLists
) -> None:
    """Compare length, digest and block list of a committed blob with what was meant; raises PublishError."""
    wanted = [(step.id, step.size) for step in plan.steps]
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
        where=url,
        rule="blob-differs",
    )
