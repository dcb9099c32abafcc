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
_CANNOT_LIST = "older versions cannot be listed with this credential: everything is sent"


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

    Two rounds at most: the listing and the blocks under the names, then what the listing calls for, which is
    nothing when this is the first version. Where it cannot be had, the names are asked for one by one.
    """
    with container.session.round() as first:
        listed = first.submit(partial(_rows, container, application))
        lists = [first.submit(partial(container.block_lists, name)) for name in names]
    rows = listed.result()
    used = set(names) if rows is None else {row.name for row in rows}
    with container.session.round() as second:
        existing = [second.submit(partial(container.properties, n)) if n in used else None for n in names]
        older = [second.submit(partial(_source, container, row)) for row in _newest(rows or (), names)]
    seen = [
        Seen(blob.result() if blob else None, blocks.result())
        for blob, blocks in zip(existing, lists, strict=True)
    ]
    sources = tuple(source for source in (found.result() for found in older) if source.parts)
    return seen, Inventory(sources=sources, notes=(_CANNOT_LIST,) if rows is None else ())


def _rows(container: Container, application: str) -> list[ListedBlob] | None:
    """List the application's blobs; None where the credential may not list the container."""
    try:
        return list(container.list(f"{application}/"))
    except StorageError as error:
        if error.status != 403:
            raise
        return None


def _newest(rows: Iterable[ListedBlob], besides: Sequence[str]) -> list[ListedBlob]:
    """Give the newest blobs of other versions."""
    others = [row for row in rows if row.name not in besides and row.properties.size]
    usable = [row for row in others if row.properties.type == "BlockBlob"]
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
