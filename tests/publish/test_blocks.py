"""Ids that name what they hold."""

from base64 import b64decode

from hypothesis import given
from hypothesis import strategies as st

from vmpack.package.parcels import MOST_BLOCKS
from vmpack.publish.blocks import MAX_BLOCK, OWN_ID_LENGTH, block_id, id_length, key, parts_of
from vmpack.publish.model import Part, RemoteBlock

digests = st.binary(min_size=32, max_size=32).filter(lambda b: any(b[:9])).map(bytes.hex)
part_lists = st.lists(st.tuples(st.integers(1, MAX_BLOCK), digests), min_size=1, max_size=MOST_BLOCKS)


@given(part_lists)
def test_an_id_tells_the_parts_it_was_made_of(listed: list[tuple[int, str]]) -> None:
    parts = [Part(0, size, digest) for size, digest in listed]
    named = RemoteBlock(block_id(parts), sum(part.size for part in parts))
    assert parts_of(named) == tuple(key(part) for part in parts)


@given(part_lists)
def test_all_ids_have_one_length_within_storages_limit(listed: list[tuple[int, str]]) -> None:
    parts = [Part(0, size, digest) for size, digest in listed]
    assert id_length(block_id(parts)) == OWN_ID_LENGTH <= 64
    assert b64decode(block_id(parts)).isascii()


@given(st.binary(max_size=64), st.integers(0, MAX_BLOCK))
def test_ids_of_other_tools_say_nothing(raw: bytes, size: int) -> None:
    from base64 import b64encode

    found = parts_of(RemoteBlock(b64encode(raw).decode(), size))
    assert found == () or sum(part.size for part in found) == size


def test_an_id_is_not_believed_when_the_size_differs() -> None:
    part = Part(0, 100, "ab" * 32)
    assert parts_of(RemoteBlock(block_id([part]), 99)) == ()


def test_text_that_is_not_base64_is_no_id() -> None:
    assert parts_of(RemoteBlock("not base64!", 5)) == ()
    assert id_length("not base64!") == -1
