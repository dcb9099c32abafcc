"""How blocks travel: bounded groups that a change hardly moves, each with the MD5 of its bytes."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmpack.package.cache import SegmentCache
from vmpack.package.model import Block, Parcel, WrittenPackage
from vmpack.package.parcels import LARGEST_BLOCK, MOST_BLOCKS, grouped, take_parcels

MIB = 1 << 20


def blocks_of(sizes: Sequence[int], seed: int = 0) -> list[Block]:
    """Blocks one behind the other, with digests of their own."""
    made = []
    offset = 0
    for number, size in enumerate(sizes):
        made.append(Block(offset, size, hashlib.sha256(b"%d %d" % (seed, number)).hexdigest()))
        offset += size
    return made


def sizes_of(groups: Sequence[Sequence[Block]]) -> list[int]:
    return [sum(block.size for block in group) for group in groups]


@given(st.lists(st.integers(1, 3 * MIB), max_size=60))
def test_groups_are_the_blocks_in_order_within_their_bounds(sizes: list[int]) -> None:
    blocks = blocks_of(sizes)
    groups = list(grouped(blocks, sum(sizes)))
    assert [block for group in groups for block in group] == blocks
    assert all(len(group) <= MOST_BLOCKS for group in groups)
    assert all(
        len(group) == 1 or size <= 8 * MIB for group, size in zip(groups, sizes_of(groups), strict=True)
    )


@pytest.mark.parametrize(("total", "bound"), [(8, 2), (64, 4), (1000, 8)])
def test_a_small_package_has_small_groups_so_that_connections_share_it(total: int, bound: int) -> None:
    size = bound * MIB // 3
    groups = list(grouped(blocks_of([size] * (total * MIB // size)), total * MIB))
    assert max(sizes_of(groups)) <= bound * MIB
    assert max(map(len, groups)) == 3


def test_blocks_with_a_gap_between_them_do_not_share_a_group() -> None:
    blocks = blocks_of([10] * 40)
    del blocks[20]
    assert all(group[-1].offset - group[0].offset == 10 * (len(group) - 1) for group in grouped(blocks, 400))


def test_a_change_regroups_its_own_neighbourhood_only() -> None:
    source = random.Random(2)
    changes = []
    for seed in range(40):
        blocks = blocks_of([source.randint(MIB // 2, 3 * MIB) for _ in range(300)], seed)
        before = {tuple(b.sha256 for b in group) for group in grouped(blocks, 500 * MIB)}
        at = source.randrange(300)
        new = [*blocks[:at], *blocks_of([MIB], 1000 + seed), *blocks[at + 1 :]]
        offset = 0
        moved = []
        for block in new:
            moved.append(Block(offset, block.size, block.sha256))
            offset += block.size
        after = {tuple(b.sha256 for b in group) for group in grouped(moved, 500 * MIB)}
        changes.append(len(after - before))
    assert max(changes) <= 12
    assert sum(changes) / len(changes) < 4


@pytest.fixture
def package(tmp_path: Path) -> tuple[Path, list[Block]]:
    """Give a file and its blocks."""
    source = random.Random(3)
    datas = [source.randbytes(source.randint(1, 90_000)) for _ in range(50)]
    path = tmp_path / "package"
    path.write_bytes(b"".join(datas))
    offsets = [sum(map(len, datas[:number])) for number in range(len(datas))]
    return path, [
        Block(offset, len(data), hashlib.sha256(data).hexdigest())
        for offset, data in zip(offsets, datas, strict=True)
    ]


def check(path: Path, parcels: Sequence[Parcel]) -> None:
    """Hold every MD5 against the bytes."""
    data = path.read_bytes()
    assert [parcel.md5 for parcel in parcels] == [
        hashlib.md5(data[p.offset : p.offset + p.size], usedforsecurity=False).hexdigest() for p in parcels
    ]


def total(blocks: Sequence[Block]) -> int:
    return sum(block.size for block in blocks)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_parcel_has_the_md5_of_its_bytes(package: tuple[Path, list[Block]], threads: int) -> None:
    path, blocks = package
    parcels = take_parcels(path, blocks, total(blocks), threads=threads)
    check(path, parcels)
    assert sum(parcel.size for parcel in parcels) == total(blocks)
    assert [(p.offset, p.size) for p in parcels] == [
        (group[0].offset, total(group)) for group in grouped(blocks, total(blocks))
    ]


def test_parcels_are_hashed_while_later_blocks_are_still_written(tmp_path: Path) -> None:
    path = tmp_path / "package"
    path.touch()

    def written() -> Iterator[Block]:
        for number in range(20):
            data = bytes([number]) * 50_000
            with path.open("ab") as file:
                file.write(data)
            yield Block(number * 50_000, 50_000, hashlib.sha256(data).hexdigest())

    parcels = take_parcels(path, written(), 1_000_000)
    check(path, parcels)
    assert sum(parcel.size for parcel in parcels) == 1_000_000


def test_a_block_that_is_cut_before_it_travels_is_in_no_parcel(tmp_path: Path) -> None:
    path = tmp_path / "package"
    path.write_bytes(bytes(LARGEST_BLOCK + 11))
    parcels = take_parcels(path, blocks_of([5, LARGEST_BLOCK + 1, 5, 0]), LARGEST_BLOCK + 11)
    assert [(parcel.offset, parcel.size) for parcel in parcels] == [(0, 5), (LARGEST_BLOCK + 6, 5)]


def test_what_an_earlier_build_hashed_is_not_read_again(
    package: tuple[Path, list[Block]], cache: SegmentCache
) -> None:
    path, blocks = package
    first = cache.sums("/payload")
    parcels = take_parcels(path, blocks, total(blocks), sums=first)
    first.save()
    path.write_bytes(b"")
    assert take_parcels(path, blocks, total(blocks), sums=cache.sums("/payload"), threads=2) == parcels
    with pytest.raises(EOFError):
        take_parcels(path, blocks, total(blocks), sums=cache.sums("/another"))


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-1] + b"?", lambda data: b""])
def test_a_damaged_memory_is_an_empty_one(
    package: tuple[Path, list[Block]], cache: SegmentCache, tmp_path: Path, damage
) -> None:
    path, blocks = package
    first = cache.sums("/payload")
    parcels = take_parcels(path, blocks, total(blocks), sums=first)
    first.save()
    (kept,) = (tmp_path / "cache").rglob("*.sums")
    kept.write_bytes(damage(kept.read_bytes()))
    assert take_parcels(path, blocks, total(blocks), sums=cache.sums("/payload")) == parcels


def whole(written: WrittenPackage) -> bool:
    """Tell whether the parcels cover everything but a long head."""
    ends = [parcel.offset + parcel.size for parcel in written.parcels]
    return ends[-1] == written.size and [parcel.offset for parcel in written.parcels[1:]] == ends[:-1]


@pytest.mark.parametrize("form", ["tar.zst", "tar.gz", "tar", "zip"])
def test_a_build_takes_them_and_a_rebuild_has_the_same(
    pack, many_files: Path, cache: SegmentCache, tmp_path: Path, form: str
) -> None:
    first = pack(many_files, form, cache=cache)
    check(tmp_path / f"out.{form}", first.parcels)
    assert whole(first)
    assert pack(many_files, form, cache=cache).parcels == first.parcels
    assert pack(many_files, form, threads=3).parcels == first.parcels


def test_a_file_that_is_passed_through_has_them_too(pack, tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "setup.msi").write_bytes(random.Random(5).randbytes(9 * MIB))
    written = pack(folder, "none")
    check(tmp_path / "out.none", written.parcels)
    assert whole(written)
    assert written.parcels[0].offset == 0
