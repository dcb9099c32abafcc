"""Memory that goes round."""

import threading

from vmpack.publish.slabs import SLAB, Slabs


def test_what_was_given_back_last_is_taken_first() -> None:
    slabs = Slabs(10 * SLAB)
    first, second = slabs.take(SLAB), slabs.take(SLAB)
    slabs.give(first)
    slabs.give(second)
    assert slabs.take(SLAB)[0] is second[0]
    assert slabs.take(SLAB)[0] is first[0]


def test_enough_slabs_for_any_size_and_all_of_them_for_more_than_there_are() -> None:
    slabs = Slabs(3 * SLAB)
    for size, count in ((0, 0), (1, 1), (SLAB, 1), (SLAB + 1, 2), (9 * SLAB, 3)):
        taken = slabs.take(size)
        assert len(taken) == count
        assert all(len(slab) == SLAB for slab in taken)
        slabs.give(taken)


def test_slabs_do_not_overlap() -> None:
    taken = Slabs(20 * SLAB).take(20 * SLAB)
    for number, slab in enumerate(taken):
        slab[0] = slab[-1] = number
    assert [(slab[0], slab[-1]) for slab in taken] == [(number, number) for number in range(20)]


def test_who_finds_too_few_waits_until_they_come_back() -> None:
    slabs = Slabs(3 * SLAB)
    held = slabs.take(2 * SLAB)
    got = threading.Event()
    waiting = threading.Thread(target=lambda: (slabs.take(2 * SLAB), got.set()))
    waiting.start()
    slabs.give(held[:0])
    assert not got.is_set()
    slabs.give(held[:1])
    assert got.wait(10)
    waiting.join()
