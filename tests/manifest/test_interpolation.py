"""``${NAME}`` and nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmpack.manifest.interpolation import interpolate


def _resolved(text: str, **variables: str) -> Any:
    result = interpolate(text, variables, {})
    assert not result.problems
    return result.document


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "1"),
        ("x${A}y${B}z", "x1y${A}z"),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("$${", "${"),
        ("$A $$ $ {A} %A% $(A) {{A}}", "$A $$ $ {A} %A% $(A) {{A}}"),
    ],
)
def test_one_rule_for_all_strings(text: str, expected: str) -> None:
    assert _resolved(text, A="1", B="${A}") == expected


def test_keys_numbers_and_depth() -> None:
    result = interpolate({"${A}": [1, {"b": "${A}"}]}, {"A": "x"}, {})
    assert result.document == {"${A}": [1, {"b": "x"}]}


def test_set_wins_over_the_environment() -> None:
    assert interpolate("${A}${B}", {"A": "set"}, {"A": "env", "B": "env"}).document == "setenv"


@pytest.mark.parametrize(
    ("text", "rule", "part", "said"),
    [
        ("ab${VERSON}", "interpolation-undefined", (2, 11), "Did you mean 'VERSION'?"),
        ("${X Y}", "interpolation-syntax", (0, 3), "$${"),
        ("${}", "interpolation-syntax", (0, 3), "$${"),
        ("${VERSION", "interpolation-syntax", (0, 9), "$${"),
        ("${VERSION:-1}", "interpolation-syntax", (0, 13), "$${"),
        ("${env:VERSION}", "interpolation-syntax", (0, 14), "$${"),
        ("${1A}", "interpolation-syntax", (0, 5), "$${"),
        ("${NUL}", "interpolation-value", (0, 6), "another value"),
    ],
)
def test_what_cannot_be_filled_in(text: str, rule: str, part: tuple[int, int], said: str) -> None:
    result = interpolate(["", text], {"VERSION": "hunter2", "NUL": "hunter2\0"}, {})
    assert result.document == ["", text]
    (problem,) = result.problems
    assert (problem.rule, problem.pointer, problem.part) == (rule, (1,), part)
    assert said in problem.help
    assert "hunter2" not in repr(problem)


@given(st.text())
def test_escaping_brings_any_text_through(text: str) -> None:
    assert _resolved(text.replace("${", "$${")) == text


@given(st.text(), st.text(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_value_comes_through_untouched(before: str, behind: str, value: str) -> None:
    before, behind = before.rstrip("$").replace("${", ""), behind.replace("${", "")
    assert _resolved(f"{before}${{A}}{behind}", A=value) == before + value + behind
