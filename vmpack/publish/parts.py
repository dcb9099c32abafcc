"""From a release's file to its parts, the stretches that keep their bytes from version to version, and their groups.

A part is a block of the package, or a piece of one that is too large for storage, or of the list of files at the
front, of which every version changes a few lines.
"""

import hashlib
import re
import zlib
from collections.abc import Mapping, Sequence

from vmpack.errors import PublishError
from vmpack.package.model import Block, Parcel
from vmpack.package.parcels import grouped, is_long_head, is_whole
from vmpack.publish.blocks import MAX_BLOCK
from vmpack.publish.model import Group, Part, ReadAt

_HEAD_MOST = 64 << 20
"""Bytes of a head, which is read as a whole: enough for some 400,000 files."""
_HEAD_BEGINS = re.compile(rb"vmapp\.json\x00|PK\x03\x04.{26}vmapp\.json", re.DOTALL)
"""The first member's name, as a tar header and as a zip file have it."""
_BEGINNING = 40
_LEAST_LINES = 32 << 10
_LINES = 256
"""A list of files has about 170 bytes a line: pieces of 75 KiB on average, of a package of 32 MiB and more."""
_FULL_LINES = 32 << 20
_LINES_HALVINGS = 6
"""Down to half a kibibyte and four lines, for a package of 512 KiB."""


def groups_of_package(
    blocks: Sequence[Block], parcels: Sequence[Parcel], read_at: ReadAt
) -> tuple[Group, ...]:
    """Give the parts of a package, grouped as they travel: its blocks, with those cut that are too large.

    A package of many files begins with a long list of them, of which a new version changes a few lines: such a
    head is cut between lines. Only what is cut is read here, to learn the digests of its pieces.
    """
    whole: list[Part] = []
    pieces: list[Part] = []
    total = sum(block.size for block in blocks)
    for block in blocks:
        if block.offset == 0 and len(blocks) > 1 and _is_list(block.size, total, read_at):
            data = read_at(0, block.size)
            check(block, data)
            pieces.extend(cut_lines(data, total))
        elif is_whole(block):
            whole.append(block)
        else:
            pieces.extend(cut(read_at, block.offset, block.size, block.sha256))
    md5s = {(parcel.offset, parcel.size): bytes.fromhex(parcel.md5) for parcel in parcels}
    known = (_group(parts, md5s) for parts in grouped(whole, total))
    cut_here = (Group(parts) for parts in grouped(pieces, total))
    return tuple(sorted([*known, *cut_here], key=lambda group: group.parts[0].offset))


def groups_of_file(size: int, sha256: str, read_at: ReadAt) -> tuple[Group, ...]:
    """Give the parts of a file that is no package, each travelling alone."""
    return tuple(Group((piece,)) for piece in cut(read_at, 0, size, sha256))


def _group(parts: tuple[Part, ...], md5s: Mapping[tuple[int, int], bytes]) -> Group:
    """Give a group with its MD5, if the build grouped these blocks alike."""
    place = parts[0].offset, sum(part.size for part in parts)
    return Group(parts, md5s.get(place))


def _is_list(size: int, total: int, read_at: ReadAt) -> bool:
    """Tell whether a package of ``total`` bytes begins with so many bytes of lists and scripts, worth cutting."""
    worth = is_long_head(size, total) and size <= _HEAD_MOST
    return worth and _HEAD_BEGINS.match(read_at(0, min(size, _BEGINNING))) is not None


def check(wanted: Part, data: bytes | memoryview) -> None:
    """Refuse bytes that are not those the release was built from."""
    if hashlib.sha256(data).hexdigest() != wanted.sha256:
        raise damaged(wanted.offset, wanted.size)


def damaged(offset: int, size: int) -> PublishError:
    """Say that bytes of a release's file are not those it was built with."""
    return PublishError(
        "the file changed since the release was built",
        why=f"Bytes {offset} to {offset + size - 1} are not those that build.json describes.",
        remedy="Run `vmpack verify`, then build the release again.",
        rule="release-damaged",
    )


def cut(read_at: ReadAt, offset: int, size: int, sha256: str) -> list[Part]:
    """Cut a stretch with this digest into pieces of a storage block's size."""
    pieces = []
    whole = hashlib.sha256()
    for start in range(offset, offset + size, MAX_BLOCK):
        data = read_at(start, min(MAX_BLOCK, offset + size - start))
        whole.update(data)
        pieces.append(_part(start, data))
    if whole.hexdigest() != sha256:
        raise damaged(offset, size)
    return pieces


def _part(offset: int, data: bytes) -> Part:
    return Part(offset, len(data), hashlib.sha256(data).hexdigest())


def cut_lines(text: bytes, total: int) -> list[Part]:
    """Cut the start of a file of ``total`` bytes behind lines that their own content chooses.

    So a change moves no other cut. The pieces of a small package are smaller, by halves so that this rarely changes:
    a new version always changes some of them.
    """
    halvings = min(_LINES_HALVINGS, max(0, _FULL_LINES.bit_length() - total.bit_length()))
    least, every = _LEAST_LINES >> halvings, _LINES >> halvings
    pieces = []
    start = end = 0
    for line in text.splitlines(keepends=True):
        end += len(line)
        if end == len(text) or (end - start >= least and zlib.crc32(line) % every == 0):
            pieces.append(_part(start, text[start:end]))
            start = end
    return pieces
