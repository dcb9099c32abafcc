"""The quick yes never says yes where jsonschema would say no."""

import ast
import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from vmpack.manifest import accept
from vmpack.manifest.accept import surely_valid
from vmpack.manifest.loading import vmapp_schema

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.0, 1.0, 1.5, "", "a", "ab", "b", "1", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
_NAMES = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])
_SMALL = st.integers(0, 2)


def _keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": _NAMES | st.lists(_NAMES, min_size=1, unique=True),
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from("ab"), inner, max_size=1),
            "additionalProperties": inner,
            "propertyNames": inner,
            "format": st.sampled_from(["date", "ipv4"]),
            "x-anything": st.integers(),
            "required": st.lists(st.sampled_from("abc"), unique=True, max_size=2),
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "enum": st.lists(_VALUES, min_size=1, max_size=3),
            "const": _VALUES,
            "uniqueItems": st.booleans(),
            "oneOf": st.lists(inner, min_size=1, max_size=3),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "$ref": st.just("#/$defs/a"),
            "pattern": st.sampled_from(["^a", "b$", "a|1"]),
            "minLength": _SMALL,
            "maxLength": _SMALL,
            "minItems": _SMALL,
            "maxItems": _SMALL,
            "minimum": _SMALL,
            "maximum": _SMALL,
            "multipleOf": st.just(2),
            "title": st.text(max_size=2),
        },
    )


_FLAT = st.booleans() | st.dictionaries(st.just("type"), _NAMES, max_size=1)
_SCHEMAS = st.recursive(_FLAT, _keywords, max_leaves=5)


@given(_SCHEMAS, _SCHEMAS, _VALUES)
def test_yes_means_yes(schema: Any, definition: Any, value: Any) -> None:
    if isinstance(definition, dict) and "$ref" in str(definition):
        definition = True
    whole = {**schema, "$defs": {"a": definition}} if isinstance(schema, dict) else schema
    if surely_valid(whole, value):
        assert Draft202012Validator(whole).is_valid(value)


@given(_VALUES | st.dictionaries(st.sampled_from(sorted(vmapp_schema()["properties"])), _VALUES))
def test_for_the_schema_of_the_manifest_the_answer_is_exact(document: Any) -> None:
    assert surely_valid(vmapp_schema(), document) == Draft202012Validator(vmapp_schema()).is_valid(document)


@pytest.mark.parametrize(
    "schema", [{"anyOf": [True]}, {"properties": {"a": {"if": True}}}, {"$ref": "other.json"}]
)
def test_what_it_does_not_know_it_leaves_to_jsonschema(schema: dict[str, Any]) -> None:
    assert not surely_valid(schema, {"a": 1})


def test_an_endless_reference_is_no_yes() -> None:
    assert not surely_valid({"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, 1)


def test_it_stays_small_enough_to_be_read() -> None:
    functions = [
        node for node in ast.walk(ast.parse(inspect.getsource(accept))) if isinstance(node, ast.FunctionDef)
    ]
    assert sum((node.end_lineno or 0) - node.lineno + 1 for node in functions) < 100
