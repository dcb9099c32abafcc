"""Every place lies in the text."""

import json

from hypothesis import given
from hypothesis import strategies as st

from vmpack.manifest.positions import WIDTH, Place, locate, place_at
from vmpack.types import Pointer

TEXT = '{\n  "a": {"b": [1, "two"]},\r\n\t"é𐐷": "ü", "c": {\n}}'


def _shown(place: Place) -> str:
    return place.source_line[place.caret - 1 :][: place.length]


def test_a_value_a_key_and_a_part_of_a_string() -> None:
    assert _shown(locate(TEXT, ("a", "b", 1))) == '"two"'
    assert _shown(locate(TEXT, ("a", "b", 1), key=True)) == '"two"'
    assert _shown(locate(TEXT, ("a", "b"), key=True)) == '"b"'
    assert _shown(locate(TEXT, ("a", "b", 1), part=(1, 3))) == "wo"


def test_columns_count_characters_behind_any_line_end() -> None:
    place = locate(TEXT, ("c",))
    assert (place.line, place.column, _shown(place)) == (3, 18, "{")
    assert locate("[\r1,\r\n2]", (1,)).line == 3


def test_what_is_missing_is_at_its_nearest_parent() -> None:
    assert locate(TEXT, ("a", "x", 3)) == locate(TEXT, ("a",))
    assert locate("nothing", ("a",)).column == 1


def test_parts_of_strings_with_escapes() -> None:
    text = json.dumps(['\t\N{SNOWMAN}\U0001f600"x'])
    assert _shown(locate(text, (0,), part=(4, 5))) == "x"


def test_long_lines_are_cut_around_the_column() -> None:
    text = json.dumps({"a": "x" * 500, "b": 12345, "c": "y" * 500})
    place = locate(text, ("b",))
    assert _shown(place) == "12345"
    assert len(place.source_line) == WIDTH + 2
    assert place.column == text.index("12345") + 1
    assert _shown(locate(text, ("c",), key=True)) == '"c"'
    assert _shown(locate(text, ("a",), key=True)) == '"a"'


def test_secrets_are_never_shown() -> None:
    secret = "abcdefghijklmnopqrstuvwxyz0123456789"
    text = json.dumps({"a": f"https://x.example/c?sig={secret}", "b": 1})
    assert secret not in locate(text, ("b",)).source_line
    for width in (10, 50, 100, 150, 200):
        long = json.dumps({"a": "x" * width, "s": f"AccountKey={secret}", "t": "x" * width})
        for pointer in (("a",), ("s",), ("t",)):
            assert secret[:12] not in locate(long, pointer).source_line


def test_a_hidden_value_is_blanked_whole() -> None:
    place = locate('{"a": "hush", "b": 1}', ("a",), hide=True)
    assert place.source_line == '{"a": ******, "b": 1}'


_DOCUMENTS = st.recursive(
    st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


def _pointers(value: object, pointer: Pointer = ()) -> list[Pointer]:
    found = [pointer]
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        found += _pointers(inner, (*pointer, step))
    return found


@given(_DOCUMENTS, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_value_is_found_again(document: object, indent: str | int | None, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    for pointer in _pointers(document):
        place = locate(text, pointer)
        offset = sum(len(line) + 1 for line in text.split("\n")[: place.line - 1]) + place.column - 1
        value = document
        for step in pointer:
            value = value[step]  # type: ignore[index]
        found, _ = json.JSONDecoder().raw_decode(text, offset)
        assert found == value


@given(st.text(max_size=400), st.data())
def test_any_offset_gives_a_place_in_the_text(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    place = place_at(text, offset, data.draw(st.integers(-1, 500)))
    assert place.line >= 1
    assert place.column >= 1
    assert 1 <= place.caret <= len(place.source_line) + 1
    assert place.length >= 1
