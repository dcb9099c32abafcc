"""What is not strict JSON: one finding each, at the exact place."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vmpack.findings import Finding
from vmpack.manifest.scan import LARGEST_INTEGER, MAX_PROBLEMS, scan
from vmpack.manifest.strict import surely_strict


@pytest.mark.parametrize(
    ("text", "rule", "line", "column"),
    [
        ("", "json-empty", 1, 1),
        (" \n ", "json-empty", 2, 2),
        ("// only words", "json-comment", 1, 1),
        ('{"a": 1, // why\n"b": 2}', "json-comment", 1, 10),
        ('{"a": 1, # why\n"b": 2}', "json-comment", 1, 10),
        ('{"a": /* why */ 1}', "json-comment", 1, 7),
        ('{"a": [1, 2,]}', "json-trailing-comma", 1, 12),
        ('{\n "a": 1,\n}', "json-trailing-comma", 2, 8),
        ("{'a': 1}", "json-single-quotes", 1, 2),
        ("{\"a\": 'b'}", "json-single-quotes", 1, 7),
        ('{"a": 1,\n "a": 2}', "json-duplicate-key", 2, 2),
        ('{"\\u0061": 1, "a": 2}', "json-duplicate-key", 1, 15),
        ('{"a": NaN}', "json-number", 1, 7),
        ('{"a": -Infinity}', "json-number", 1, 7),
        ('{"a": 1e999}', "json-number", 1, 7),
        ('{"a": 01}', "json-number", 1, 7),
        ('{"a": +1}', "json-number", 1, 7),
        ('{"a": 0x10}', "json-number", 1, 7),
        ('{"a": 9007199254740992}', "json-number", 1, 7),
        ('{"a": ' + "9" * 5000 + "}", "json-number", 1, 7),
        ('{"a": "\\ud800"}', "json-character", 1, 7),
        ('{"a": "x\\u0000"}', "json-character", 1, 7),
        ('{"a": True}', "json-syntax", 1, 7),
        ("{a: 1}", "json-syntax", 1, 2),
        ('{"a" = 1}', "json-syntax", 1, 6),
        ('{"a": "C:\\dir"}', "json-syntax", 1, 10),
        ('{"a": "tab\there"}', "json-syntax", 1, 11),
        ('{"a": "open\n}', "json-syntax", 1, 7),
        ('{"a": 1\n "b": 2}', "json-syntax", 1, 8),
        ('{"a": 1', "json-syntax", 1, 8),
        ('{"a": [1}', "json-syntax", 1, 9),
        ('{"a": }', "json-syntax", 1, 7),
        ('{"a": 1} x', "json-syntax", 1, 10),
        ('{"a" 1}', "json-syntax", 1, 6),
        ("[" * 65, "json-nesting", 1, 65),
        ('{"é𐐷": 1, 2: 3}', "json-syntax", 1, 11),
    ],
)
def test_the_first_problem_is_found_at_its_place(
    refused: Callable[..., list[Finding]], text: str, rule: str, line: int, column: int
) -> None:
    first = refused(text)[0]
    assert (first.rule, first.line, first.column) == (rule, line, column)
    assert first.help


def test_several_problems_are_told_at_once() -> None:
    text = '{\'a\': NaN, // x\n"b": [1,], "b": None}'
    assert [each.rule.id for each in scan(text).problems] == [
        "json-single-quotes",
        "json-number",
        "json-comment",
        "json-trailing-comma",
        "json-duplicate-key",
        "json-syntax",
    ]


def test_a_backslash_in_a_path_gets_a_hint() -> None:
    assert "\\\\" in scan('{"a": "C:\\dir"}').problems[0].help


def test_a_text_full_of_problems_stops_early() -> None:
    assert len(scan("[" + "NaN," * 100_000 + "1]").problems) == MAX_PROBLEMS


def _strict(text: str) -> Any:
    def refuse(_: object) -> None:
        raise ValueError

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs) or any(_odd(key) for key, _ in pairs):
            raise ValueError
        return dict(pairs)

    def whole(digits: str) -> int:
        if len(digits) > 20 or abs(int(digits)) > LARGEST_INTEGER:
            raise ValueError
        return int(digits)

    def finite(digits: str) -> float:
        if not math.isfinite(float(digits)):
            raise ValueError
        return float(digits)

    value = json.loads(
        text, object_pairs_hook=unique, parse_constant=refuse, parse_int=whole, parse_float=finite
    )
    if _odd_inside(value):
        raise ValueError
    return value


def _odd(text: str) -> bool:
    return any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text)


def _odd_inside(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_odd_inside, value.values()))
    if isinstance(value, list):
        return any(map(_odd_inside, value))
    return isinstance(value, str) and _odd(value)


_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=5)
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)
_SCRAPS = st.lists(
    st.sampled_from([*"{}[]\",:'/\\ \t\r\n-+.0129eEaNtu#*=", "true", "null", "\\u00", "é"])
).map("".join)


@given(_VALUES.map(lambda value: json.dumps(value, ensure_ascii=True)) | _SCRAPS | st.text())
@example("-0")
@example("1E+2")
@example('{"a":1,"a":1}')
@example('["\\ud83d\\ude00"]')
def test_it_agrees_with_the_strictest_use_of_the_standard_parser(text: str) -> None:
    try:
        expected, strict = _strict(text), True
    except (ValueError, RecursionError):
        expected, strict = None, False
    found = scan(text)
    assert (not found.problems) == strict
    sure, value = surely_strict(text)
    assert not (sure and not strict)
    if strict:
        assert found.value == expected
        assert not sure or value == expected
