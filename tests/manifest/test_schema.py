"""Violations in words, and the schema itself."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from vmpack.manifest.loading import vmapp_schema
from vmpack.manifest.schema import problems


def _words(schema: dict[str, Any], document: Any) -> list[str]:
    return [each.message for each in problems(schema, document)]


@pytest.mark.parametrize(
    ("schema", "document", "message"),
    [
        ({"const": 1}, 2, "the document cannot be 2"),
        ({"items": {"enum": [1, None]}}, [2], "[0] cannot be 2"),
        ({"type": ["string", "null"]}, 1, "the document must be a string or null, not a whole number"),
        ({"exclusiveMinimum": 0}, 0, "the document is out of range: it must be more than 0"),
        ({"multipleOf": 2}, 3, "the document is out of range: it must be a multiple of 2"),
        ({"minItems": 1}, [], "the document has the wrong length: it must have at least 1 item"),
        ({"uniqueItems": True}, ["a", "a"], "the document holds the same value twice"),
        (
            {"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
            {"a": 1},
            "a must be a string, not a whole number",
        ),
        (
            {"properties": {"a": False}},
            {"a": 1},
            "the document is not what the schema asks for: no value is allowed",
        ),
        ({"not": {}}, 1, "the document is not what the schema asks for: not {}"),
    ],
)
def test_messages(schema: dict[str, Any], document: Any, message: str) -> None:
    assert message in _words(schema, document)


def test_the_prefix_leads_from_the_manifest_to_the_parameter() -> None:
    schema = {"properties": {"a": {"type": "string"}}, "additionalProperties": False}
    found = problems(schema, {"a": 1, "b": 2}, prefix=("installer", "params"))
    assert {(each.pointer, each.at_key) for each in found} == {
        (("installer", "params", "a"), False),
        (("installer", "params", "b"), True),
    }
    assert "installer.params.a must be a string, not a whole number" in [each.message for each in found]


def test_secrets_are_not_quoted() -> None:
    document = "https://x.example/?sig=abcdefghijklmnopqrstuvwxyz"
    assert "abcdef" not in repr(problems({"enum": ["a"]}, document))


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(sorted(vmapp_schema()["properties"])), inner, max_size=3)
    ),
)


@given(_ANY)
def test_every_refusal_has_words(document: Any) -> None:
    found = problems(vmapp_schema(), document)
    assert bool(found) != Draft202012Validator(vmapp_schema()).is_valid(document)
    for each in found:
        assert each.message
        assert each.help


def test_the_schema_is_a_valid_one() -> None:
    Draft202012Validator.check_schema(vmapp_schema())


def _properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
        for inner in schema.values():
            yield from _properties(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _properties(inner)


def test_every_property_is_described_and_shown() -> None:
    seen = list(_properties(vmapp_schema()))
    assert len(seen) > 40
    for name, schema in seen:
        assert schema.get("description"), name
        assert schema.get("examples"), name
        for shown in schema["examples"]:
            whole = {**schema, "$defs": vmapp_schema()["$defs"]}
            assert Draft202012Validator(whole).is_valid(shown), name


def test_every_object_refuses_unknown_properties() -> None:
    free = {"params", "encryption"}
    for name, schema in _properties(vmapp_schema()):
        if schema.get("type") == "object" and name not in free:
            assert schema["additionalProperties"] is False, name
    for name, schema in vmapp_schema()["$defs"].items():
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False, name


def test_the_example_of_the_schema_fits_it() -> None:
    for document in vmapp_schema()["examples"]:
        assert problems(vmapp_schema(), document) == []
