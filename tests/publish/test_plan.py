"""The plan: what is reused, copied or sent, and that nothing is lost or doubled."""

import hashlib
import random

from hypothesis import given
from hypothesis import strategies as st

from vmpack.package.parcels import MOST_BLOCKS
from vmpack.publish.blocks import block_id, key
from vmpack.publish.model import Group, Inventory, Part, RemoteBlock, SourceBlob, Step
from vmpack.publish.plan import plan, summary


def parts_named(names: str, size: int = 1000) -> list[Part]:
    """One part for each letter; equal letters are equal content."""
    return [
        Part(index * size, size, hashlib.sha256(name.encode()).hexdigest())
        for index, name in enumerate(names)
    ]


def groups_named(*names: str, size: int = 1000) -> list[Group]:
    """Groups of neighbouring parts, each with an MD5."""
    parts = iter(parts_named("".join(names), size))
    return [Group(tuple(next(parts) for _ in group), group.encode()) for group in names]


def older(names: str, size: int = 1000, blob: str = "app/1.0.0/app.tar") -> SourceBlob:
    return SourceBlob(blob, '"etag"', tuple((key(part), part.offset) for part in parts_named(names, size)))


def staged(*groups: str) -> tuple[RemoteBlock, ...]:
    return tuple(
        RemoteBlock(block_id(parts_named(group)), sum(part.size for part in parts_named(group)))
        for group in groups
    )


def kinds(steps: tuple[Step, ...]) -> list[tuple[str, int]]:
    return [(step.kind, len(step.parts)) for step in steps]


def test_with_nothing_there_everything_is_sent_in_shared_blocks() -> None:
    found = plan(groups_named("abcd", "ef"), Inventory())
    assert kinds(found.steps) == [("send", 4), ("send", 2)]
    assert [step.md5 for step in found.steps] == [b"abcd", b"ef"]
    assert summary(found.steps) == ("send 6000 bytes: nowhere in storage yet",)


def test_an_unchanged_stretch_is_copied_in_one_range() -> None:
    found = plan(groups_named("abcX"), Inventory(sources=(older("zabc"),)))
    assert kinds(found.steps) == [("copy", 3), ("send", 1)]
    assert [step.md5 for step in found.steps] == [None, None], "the build hashed all four together"
    assert found.steps[0].source_offset == 1000
    assert found.steps[0].reason == "stands in app/1.0.0/app.tar"


def test_a_copied_range_ends_where_the_older_blob_goes_on_differently() -> None:
    found = plan(groups_named("abcd"), Inventory(sources=(older("abXcd"),)))
    assert kinds(found.steps) == [("copy", 2), ("copy", 2)]
    assert [step.source_offset for step in found.steps] == [0, 3000]


def test_what_was_staged_is_used_before_a_copy() -> None:
    found = plan(groups_named("abcd"), Inventory(staged=staged("bc"), sources=(older("abcd"),)))
    assert kinds(found.steps) == [("copy", 1), ("staged", 2), ("copy", 1)]


def test_the_longest_staged_block_that_fits_is_used() -> None:
    found = plan(groups_named("ab", "cd"), Inventory(staged=staged("a", "abc", "abx")))
    assert kinds(found.steps) == [("staged", 3), ("send", 1)]


def test_the_same_content_twice_travels_once() -> None:
    found = plan(groups_named("aXXX", "aXXX", "aXXX"), Inventory())
    assert [step.kind for step in found.steps] == ["send", "repeat", "repeat"]


def test_staged_blocks_cannot_be_used_beside_ids_of_another_length() -> None:
    found = plan(groups_named("abcd"), Inventory(staged=staged("abcd"), foreign=2))
    assert found.clear
    assert kinds(found.steps) == [("send", 4)]


def test_no_block_grows_beyond_its_group() -> None:
    found = plan(groups_named("ab", "cd", "e"), Inventory(sources=(older("abc"),)))
    assert kinds(found.steps) == [("copy", 2), ("copy", 1), ("send", 1), ("send", 1)]
    assert [step.md5 for step in found.steps] == [b"ab", None, None, b"e"]


@given(
    st.lists(st.text("abcdefgh", min_size=1, max_size=MOST_BLOCKS), max_size=12),
    st.lists(st.text("abcdefgh", min_size=1, max_size=20), max_size=3),
    st.lists(st.text("abcdefgh", min_size=1, max_size=MOST_BLOCKS), max_size=6),
)
def test_every_plan_makes_exactly_the_file(names: list[str], blobs: list[str], waiting: list[str]) -> None:
    groups = groups_named(*names)
    parts = [part for group in groups for part in group.parts]
    sources = tuple(older(blob, blob=f"app/{index}/x") for index, blob in enumerate(blobs))
    there = Inventory(staged=staged(*waiting), sources=sources)
    found = plan(groups, there)
    assert [part for step in found.steps for part in step.parts] == parts
    waiting_ids = {block.id for block in there.staged}
    by_id: dict[str, Step] = {}
    for step in found.steps:
        first = by_id.setdefault(step.id, step)
        assert step.kind != "staged" or step.id in waiting_ids
        assert step.kind != "repeat" or first is not step
        assert step.md5 is None or (step.parts, step.md5) in {(group.parts, group.md5) for group in groups}
        if step.kind == "copy":
            assert step.source is not None
            at = {offset: part for part, offset in step.source.parts}
            offset = step.source_offset
            for part in step.parts:
                assert at[offset] == key(part)
                offset += part.size
    for step in found.steps:
        if step.kind == "send":
            assert all(not any(key(part) == k for s in sources for k, _ in s.parts) for part in step.parts)


def in_fours(names: str) -> list[Group]:
    return groups_named(*(names[start : start + 4] for start in range(0, len(names), 4)))


def test_the_next_version_copies_single_parts_out_of_shared_blocks() -> None:
    """Blocks that travelled as one range must not make later versions coarser."""
    from vmpack.publish.inventory import located

    source = random.Random(1)
    names = "".join(chr(0x4E00 + i) for i in range(60))
    stored = plan(in_fours(names), Inventory())
    for version in range(5):
        changed = source.randrange(60)
        names = names[:changed] + chr(0x5E00 + version) + names[changed + 1 :]
        blocks = [RemoteBlock(step.id, step.size) for step in stored.steps]
        blob = SourceBlob(f"app/{version}/x", '"e"', located(blocks))
        stored = plan(in_fours(names), Inventory(sources=(blob,)))
        assert sum(step.size for step in stored.steps if step.kind == "send") == 1000
