"""Look up what storage has already: blocks of an interrupted run, and older versions to copy from."""

from collections.abc import Iterable
from functools import partial

from vmpack.publish.blocks import OWN_ID_LENGTH, id_length, parts_of
from vmpack.publish.container import BlockLists, Container, ListedBlob
from vmpack.publish.model import Inventory, PartKey, RemoteBlock, SourceBlob
from vmpack.publish.session import StorageError

_MOST_SOURCES = 8
"""Older blobs whose block lists are read: the newest have nearly everything that can be had."""


def staged_blocks(lists: BlockLists, *, replacing: bool) -> Inventory:
    """Give the blocks that wait under the final name; with ``replacing`` also those of the blob that goes."""
    own = [block for block in lists.uncommitted if id_length(block.id) == OWN_ID_LENGTH]
    return Inventory(
        staged=tuple(own) + (lists.committed if replacing else ()),
        foreign=len(lists.uncommitted) - len(own),
    )


def older_blobs(container: Container, application: str, *, besides: Iterable[str]) -> Inventory:
    """Find blobs of other versions of an application, newest first, with the parts that their block ids name.

    Where the credential may not list the container there are none, and the notes say so.
    """
    avoided = frozenset(besides)
    try:
        listed = [row for row in container.list(f"{application}/") if row.name not in avoided]
    except StorageError as error:
        if error.status != 403:
            raise
        return Inventory(notes=("older versions cannot be listed with this credential: everything is sent",))
    usable = [row for row in listed if row.properties.type == "BlockBlob" and row.properties.size]
    newest = sorted(usable, key=lambda row: row.properties.modified_at, reverse=True)[:_MOST_SOURCES]
    found = container.session.map(partial(_source, container), newest)
    return Inventory(sources=tuple(source for source in found if source.parts))


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
