"""What storage has already: under a blob's own name, blocks of an interrupted run, older versions to copy from."""

from collections.abc import Iterable, Sequence
from functools import partial

from vmpack.publish.blocks import OWN_ID_LENGTH, id_length, parts_of
from vmpack.publish.container import BlockLists, Container, ListedBlob
from vmpack.publish.model import BlobProperties, Inventory, PartKey, RemoteBlock, SourceBlob
from vmpack.publish.refusals import StorageError
from vmpack.values import dataclass

_MOST_SOURCES = 8
"""Older blobs whose block lists are read: the newest have nearly everything that can be had."""


def staged_blocks(lists: BlockLists, *, replacing: bool) -> Inventory:
    """Give the blocks that wait under the final name; with ``replacing`` also those of the blob that goes."""
    own = [block for block in lists.uncommitted if id_length(block.id) == OWN_ID_LENGTH]
    return Inventory(
        staged=tuple(own) + (lists.committed if replacing else ()),
        foreign=len(lists.uncommitted) - len(own),
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands under a name: a committed blob, or None, and blocks."""

    existing: BlobProperties | None
    lists: BlockLists


def look(container: Container, application: str, names: Sequence[str]) -> tuple[list[Seen], Inventory]:
    """See what stands under these names, and find blobs of other versions of the application, newest first.

    All questions are asked at the same time, and where there are older versions, all theirs after them.
    """
    with container.session.round() as together:
        existing = [together.submit(partial(container.properties, name)) for name in names]
        lists = [together.submit(partial(container.block_lists, name)) for name in names]
        listed = together.submit(partial(_others, container, application, frozenset(names)))
    seen = [Seen(blob.result(), blocks.result()) for blob, blocks in zip(existing, lists, strict=True)]
    rows = listed.result()
    if rows is None:
        return seen, Inventory(
            notes=("older versions cannot be listed with this credential: everything is sent",)
        )
    sources = container.session.map(partial(_source, container), rows)
    return seen, Inventory(sources=tuple(source for source in sources if source.parts))


def _others(container: Container, application: str, besides: frozenset[str]) -> list[ListedBlob] | None:
    """List the newest blobs of other versions; None where the credential may not list the container."""
    try:
        listed = [row for row in container.list(f"{application}/") if row.name not in besides]
    except StorageError as error:
        if error.status != 403:
            raise
        return None
    usable = [row for row in listed if row.properties.type == "BlockBlob" and row.properties.size]
    return sorted(usable, key=lambda row: row.properties.modified_at, reverse=True)[:_MOST_SOURCES]


def _source(container: Container, row: ListedBlob) -> SourceBlob:
    return SourceBlob(row.name, row.properties.etag, located(container.block_lists(row.name).committed))


def located(blocks: Iterable[RemoteBlock]) -> tuple[tuple[PartKey, int], ...]:
    """Give the parts that a committed block list names, each with its offset in the blob."""
    parts = []
    offset = 0
    for block in blocks:
        inside = offset
        for part in parts_of(block):
            parts.append((part, inside))
            inside += part.size
        offset += block.size
    return tuple(parts)
