import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmpack.package.segments import Span, plan, segment_size


def names(count: int) -> list[str]:
    return sorted(f"lib/d{number % 17}/file{number}" for number in range(count))


def stretches(paths: list[str], sizes: list[int], maximum: int = 1000) -> set[tuple[str, ...]]:
    return {tuple(paths[span.first : span.last]) for span in plan(paths, sizes, maximum=maximum)}


sizes_of_files = st.lists(st.integers(0, 3000), max_size=60)


@given(sizes_of_files)
def test_spans_cover_every_entry_once_in_order(sizes: list[int]) -> None:
    paths = names(len(sizes))
    spans = list(plan(paths, sizes, maximum=1000))
    covered = [index for span in spans for index in range(span.first, span.last)]
    assert covered == list(range(len(sizes)))
    assert [span.size for span in spans] == [sum(sizes[span.first : span.last]) for span in spans]


@given(sizes_of_files)
def test_only_a_single_file_is_larger_than_the_maximum(sizes: list[int]) -> None:
    for span in plan(names(len(sizes)), sizes, maximum=1000):
        assert span.large == (span.size > 1000)
        assert not span.large or span.last - span.first == 1


def test_a_small_payload_is_one_segment() -> None:
    assert list(plan(["a", "b"], [10, 20], maximum=1000)) == [Span(0, 2, 30, False)]


def test_a_file_of_half_a_segment_stands_alone() -> None:
    paths = names(7000)
    sizes = [10] * 7000
    sizes[3000:3002] = [500, 499]
    found = stretches(paths, sizes)
    assert (paths[3000],) in found
    assert (paths[3001],) not in found


@pytest.mark.parametrize("count", [150, 1400])
def test_a_file_of_one_percent_of_a_payload_of_several_segments_stands_alone(count: int) -> None:
    paths = names(count)
    sizes = [10] * count
    sizes[count // 2] = count // 10
    assert (paths[count // 2],) in stretches(paths, sizes)


@pytest.mark.parametrize("size", [700, 5000])
def test_a_lone_file_that_comes_moves_no_cut_between_others(size: int) -> None:
    paths = names(2000)
    rng = random.Random(4)
    sizes = [rng.randrange(1, 30) for _ in paths]
    before = stretches(paths, sizes)
    with_it = stretches([*paths[:999], paths[998] + "x", *paths[999:]], [*sizes[:999], size, *sizes[999:]])
    # The segment that it lies in becomes two and the file itself, unless it lies on a cut already.
    assert len(before - with_it) <= 1
    assert len(with_it - before) <= 3


def test_nothing_gives_nothing() -> None:
    assert list(plan([], [], maximum=1000)) == []


def test_changed_sizes_move_few_boundaries() -> None:
    """Grow one file after the other: what lies elsewhere keeps its boundaries."""
    paths = names(2000)
    rng = random.Random(1)
    sizes = [rng.randrange(10, 100) for _ in paths]
    before = stretches(paths, sizes)
    lost = []
    for index in range(0, 2000, 50):
        grown = [*sizes]
        grown[index] += 60
        lost.append(len(before - stretches(paths, grown)))
    assert len(before) > 100
    assert max(lost) <= 6
    assert sum(lost) / len(lost) < 0.5


def test_new_and_removed_files_move_few_boundaries() -> None:
    paths = names(2000)
    sizes = [50] * 2000
    before = stretches(paths, sizes)
    lost = []
    for index in range(0, 2000, 50):
        more = sorted([*paths, paths[index] + "-new"])
        lost.append(len(before - stretches(more, [50] * 2001)))
        fewer = paths[:index] + paths[index + 1 :]
        lost.append(len(before - stretches(fewer, [50] * 1999)))
    # The stretch that the file lies in always changes.
    assert sum(lost) / len(lost) < 2.5


def test_segments_are_rarely_tiny() -> None:
    paths = names(5000)
    rng = random.Random(2)
    spans = list(plan(paths, [rng.randrange(1, 30) for _ in paths], maximum=1000))
    assert sum(span.size >= 125 for span in spans) == len(spans)


@given(st.integers(0, 1 << 31))
def test_a_segment_is_a_small_part_of_a_payload_that_has_forty(total: int) -> None:
    size = segment_size(total, 6 << 20)
    assert size == 768 << 10 or total >= 48 * size
    assert size <= 6 << 20


def test_the_size_changes_in_few_steps() -> None:
    assert len({segment_size(total << 20, 6 << 20) for total in range(1024)}) == 4
