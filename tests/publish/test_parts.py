"""Parts of bounded size, cut so that a change moves no other cut."""

import hashlib

import pytest

from vmpack.errors import PublishError
from vmpack.package.model import Block, Parcel
from vmpack.package.parcels import LARGEST_BLOCK
from vmpack.publish.blocks import MAX_BLOCK
from vmpack.publish.model import Part, ReadAt
from vmpack.publish.parts import check, cut, cut_lines, groups_of_file, groups_of_package


def parts_of_package(blocks: list[Block], read_at: ReadAt) -> list[Part]:
    return [part for group in groups_of_package(blocks, (), read_at) for part in group.parts]


def test_oversized_blocks_are_cut_into_pieces_that_cover_them() -> None:
    data = bytes(range(256)) * (MAX_BLOCK // 256) + b"the rest"
    digest = hashlib.sha256(data).hexdigest()
    pieces = cut(lambda offset, size: data[offset : offset + size], 0, len(data), digest)
    assert [(piece.offset, piece.size) for piece in pieces] == [(0, MAX_BLOCK), (MAX_BLOCK, 8)]
    assert pieces[1].sha256 == hashlib.sha256(b"the rest").hexdigest()
    for piece in pieces:
        check(piece, data[piece.offset : piece.offset + piece.size])


def test_only_oversized_blocks_are_read() -> None:
    reads = []

    def read_at(offset: int, size: int) -> bytes:
        reads.append(offset)
        return b"x" * size

    large = LARGEST_BLOCK + 1
    digest = hashlib.sha256(b"x" * large).hexdigest()
    blocks = [
        Block(0, 10, "aa" * 32),
        Block(10, large, digest),
        Block(10 + large, 5, "cc" * 32),
    ]
    parts = parts_of_package(blocks, read_at)
    assert reads == [10, 10 + MAX_BLOCK], "the pieces of the second block"
    assert [part.size for part in parts] == [10, MAX_BLOCK, large - MAX_BLOCK, 5]


def test_what_is_cut_is_checked_first() -> None:
    blocks = [Block(0, LARGEST_BLOCK + 1, "bb" * 32)]
    with pytest.raises(PublishError, match="changed since the release was built"):
        parts_of_package(blocks, lambda _offset, size: b"x" * size)


def test_a_long_list_of_files_is_cut_between_lines_and_a_change_moves_no_other_cut() -> None:
    lines = [hashlib.sha256(str(n).encode()).hexdigest() + f" a file {n}\n" for n in range(8000)]
    pieces = cut_lines("".join(lines).encode(), 1 << 30)
    assert sum(piece.size for piece in pieces) == len("".join(lines))
    assert len(pieces) > 5
    lines[4000] = "f" * 64 + lines[4000][64:]
    lines.insert(100, "new line\n")
    after = {piece.sha256 for piece in cut_lines("".join(lines).encode(), 1 << 30)}
    assert len([piece for piece in pieces if piece.sha256 not in after]) <= 3


def test_the_list_of_a_small_package_is_cut_finer_and_not_anew_for_every_size() -> None:
    text = b"".join(b"%032d a file\n" % n for n in range(4000))
    few, many, more, most = (len(cut_lines(text, total << 10)) for total in (40_000, 1500, 2000, 100))
    assert few < 10
    assert many == more
    assert 100 < many < most


def parts_of(head: bytes) -> list[Part]:
    """Give the parts of a package with this head and one more block."""
    blocks = [
        Block(0, len(head), hashlib.sha256(head).hexdigest()),
        Block(len(head), 5, "bb" * 32),
    ]
    parts = parts_of_package(blocks, lambda offset, size: head[offset : offset + size])
    assert sum(part.size for part in parts[:-1]) == len(head)
    assert parts[-1] == Part(len(head), 5, "bb" * 32)
    return parts


@pytest.mark.parametrize("begins", [b"vmapp.json\0", b"PK\3\4" + bytes(26) + b"vmapp.json{}"])
@pytest.mark.parametrize("files", [20_000, 400_000])
def test_the_head_of_a_package_is_cut_when_it_is_long(begins: bytes, files: int) -> None:
    parts = parts_of(begins + b"".join(b"%032d a file\n" % n for n in range(files)))
    assert len(parts) > 10
    assert max(part.size for part in parts) < 500_000


def small(count: int) -> list[Block]:
    return [Block(n * 10, 10, hashlib.sha256(b"%d" % n).hexdigest()) for n in range(count)]


def test_blocks_travel_as_the_build_grouped_them_with_the_md5_that_it_took() -> None:
    blocks = small(100)
    bare = groups_of_package(blocks, (), lambda _offset, _size: b"")
    assert all(group.md5 is None for group in bare)
    taken = [
        Parcel(group.parts[0].offset, sum(part.size for part in group.parts), f"{number:032x}")
        for number, group in enumerate(bare)
    ]
    groups = groups_of_package(blocks, taken, lambda _offset, _size: b"")
    assert [group.parts for group in groups] == [group.parts for group in bare]
    assert [group.md5 for group in groups] == [number.to_bytes(16, "big") for number in range(len(bare))]


def test_an_md5_of_another_grouping_is_not_believed() -> None:
    taken = [Parcel(0, 7, "aa" * 16), Parcel(5, 10, "bb" * 16)]
    groups = groups_of_package(small(100), taken, lambda _offset, _size: b"")
    assert {group.md5 for group in groups} == {None}


def test_what_is_cut_here_is_in_no_group_of_the_build() -> None:
    data = bytes(LARGEST_BLOCK + 1)
    blocks = [
        Block(0, 10, "aa" * 32),
        Block(10, len(data), hashlib.sha256(data).hexdigest()),
        Block(10 + len(data), 5, "cc" * 32),
    ]
    groups = groups_of_package(blocks, (), lambda _offset, size: bytes(size))
    assert [[part.size for part in group.parts] for group in groups] == [
        [10],
        [MAX_BLOCK],
        [len(data) - MAX_BLOCK],
        [5],
    ]


def test_a_file_that_is_no_package_travels_in_pieces() -> None:
    data = bytes(MAX_BLOCK + 1)
    groups = groups_of_file(len(data), hashlib.sha256(data).hexdigest(), lambda _offset, size: bytes(size))
    assert [[part.size for part in group.parts] for group in groups] == [[MAX_BLOCK], [1]]


def test_a_first_block_that_is_no_list_is_cut_only_where_storage_demands_it() -> None:
    text = b"not ours\n" * 1_000_000
    assert len(parts_of(text)) == 2
    assert [part.size for part in parts_of(text * 2)] == [
        MAX_BLOCK,
        MAX_BLOCK,
        len(text) * 2 - 2 * MAX_BLOCK,
        5,
    ]
