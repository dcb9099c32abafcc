"""The template language: quoting by default, and no way around it but ``| raw``."""

import shlex
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import DictLoader, TemplateError
from jinja2.exceptions import SecurityError

from vmpack.installer.environment import POWERSHELL, SHELL, UNIT, Language, language_of, make_environment
from vmpack.installer.quoting import QuotingError

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def render(source: str, language: Language = SHELL, **context: Any) -> str:
    return make_environment(language, DictLoader({"t": source})).get_template("t").render(context)


@pytest.mark.parametrize(
    "source",
    [
        "{{ x }}",
        "{{ p.x }}",
        "{% set y = x %}{{ y }}",
        "{% set y %}{{ x }}{% endset %}{{ y }}",
        "{% macro m(y) %}{{ y }}{% endmacro %}{{ m(x) }}",
        "{% for y in [x] %}{{ y }}{% endfor %}",
        "{{ x ~ '' }}",
        "{{ [x] | join('') }}",
        "{{ none | default(x) }}",
        "{% autoescape false %}{{ x }}{% endautoescape %}",
        "{{ x if true else '' }}",
    ],
)
@settings(max_examples=30)
@given(text=TEXT)
def test_a_value_is_one_word_wherever_it_stands(source: str, text: str) -> None:
    assert shlex.split(render(source, x=text, p={"x": text})) == [text]


@given(words=st.lists(TEXT))
def test_a_list_is_as_many_words(words: list[str]) -> None:
    assert shlex.split(render("{{ x }}", x=words)) == words


def test_values_by_kind() -> None:
    assert render("{{ true }} {{ 3 }}") == "true 3"
    assert render("{{ true }} {{ 3 }} {{ ['a', 'b'] }}", POWERSHELL) == "$true 3 @('a', 'b')"
    assert render("A={{ true }}\nB={{ '5%' }}", UNIT) == "A=yes\nB=5%%"


@pytest.mark.parametrize(
    "source",
    [
        "{{ missing }}",
        "{{ none }}",
        "{{ 1.5 }}",
        "{{ {} }}",
        "{{ [1] }}",
        "{{ x + 'y' }}",
        "{{ 'y%s' % x }}",
        "{{ x * 2 }}",
        "{{ (x | raw) ~ x }}",
        "{{ [x | raw, x] | join }}",
        "{{ x.upper() }}",
        "{{ 'a{}'.format(x) }}",
        "{{ x | safe }}",
        "{{ x | e }}",
        "{{ x | upper }}",
        "{{ x.__class__ }}",
        "{{ p.items() }}",
        "{{ p.missing }}",
        "{{ range(3) }}",
        "{{ lipsum() }}",
    ],
)
def test_what_could_slip_past_the_quoting_is_refused(source: str) -> None:
    with pytest.raises((TemplateError, SecurityError, QuotingError, TypeError)):
        render(source, x="x", p={"a": "b"})


def test_a_list_in_a_unit_needs_a_filter() -> None:
    with pytest.raises(QuotingError):
        render("{{ x }}", UNIT, x=["a"])


def test_a_parameter_may_be_called_like_a_method() -> None:
    assert render("{{ p.items }}", p={"items": "a"}) == "'a'"


def test_raw_is_the_way_out() -> None:
    assert render("{{ x | raw }}", x="$HOME") == "$HOME"


def test_a_comment_stays_one() -> None:
    assert render("# {{ x | comment }}", x="a\nb") == "# a b"


def test_languages_by_suffix() -> None:
    assert language_of("install.sh") is SHELL
    assert language_of("x.ps1") is POWERSHELL
    assert language_of("x.service") is UNIT
    assert language_of("x.cmd") is None
