"""Check a document by a JSON Schema (2020-12) and say every violation in words that a person would use."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from vmpack.manifest.accept import surely_valid
from vmpack.manifest.rules import rule
from vmpack.manifest.suggest import did_you_mean
from vmpack.types import JSONValue, Pointer
from vmpack.values import dataclass

# jsonschema's own type says of every attribute that it may be unset, which an error from iter_errors never is.
_Error = Any

_KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_RANGES = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}
_LENGTHS = {
    "minLength": ("at least", "character"),
    "maxLength": ("at most", "character"),
    "minItems": ("at least", "item"),
    "maxItems": ("at most", "item"),
    "minProperties": ("at least", "property"),
    "maxProperties": ("at most", "property"),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One way in which a document breaks its schema."""

    rule: str
    message: str
    help: str
    pointer: Pointer
    at_key: bool = False
    """The property's name is wrong, not its value."""


def problems(
    schema: Mapping[str, Any], document: JSONValue, *, prefix: Pointer = (), written: JSONValue = None
) -> list[Violation]:
    """Give every violation, none for a valid document.

    ``prefix`` is put before each pointer, for a document that is part of another one. ``written`` is the document
    before interpolation: messages quote from it, so that the value of a variable is never shown. The schema itself
    must be a valid one.
    """
    if surely_valid(schema, document):
        return []
    from jsonschema import Draft202012Validator

    told = _Told(schema, prefix, document if written is None else written)
    found = [
        each for error in Draft202012Validator(schema).iter_errors(document) for each in told.tell(error)
    ]
    return list(dict.fromkeys(found))


class _Told:
    """Translates jsonschema's errors; one object for one document."""

    def __init__(self, root: Mapping[str, Any], prefix: Pointer, written: JSONValue) -> None:
        self.root = root
        self.prefix = prefix
        self.written = written

    def tell(self, error: _Error) -> Iterator[Violation]:
        keyword = str(error.validator)
        if keyword == "additionalProperties" and error.validator_value is False:
            yield from self.unknown(error)
        elif keyword == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            for name in missing:
                yield self.violation("schema-missing-property", error, name=name)
        elif keyword in ("oneOf", "anyOf"):
            yield from self.choice(error)
        else:
            yield self.simple(keyword, error)

    def unknown(self, error: _Error) -> Iterator[Violation]:
        known = error.schema.get("properties", {})
        for name in error.instance:
            if name in known:
                continue
            remedy = (
                did_you_mean(name, known).strip()
                or _belongs(name, self.root)
                or _listed("Known here:", known)
            )
            yield self.violation("schema-unknown-property", error, remedy, below=name, name=name)

    def choice(self, error: _Error) -> Iterator[Violation]:
        """Tell "exactly one of these properties" in a sentence, and any other choice by its likeliest branch."""
        if not isinstance(error.instance, dict) and "type" in error.schema:
            return  # the wrong type is a violation of its own
        branches = error.validator_value
        if all(list(branch) == ["required"] and len(branch["required"]) == 1 for branch in branches):
            names = [branch["required"][0] for branch in branches]
            given = [name for name in names if name in error.instance]
            yield self.violation(
                "schema-choice",
                error,
                "Keep one of them." if given else f"Add {_either(names)}.",
                below=given[-1] if given else None,
                names=" and ".join(names),
                count="both" if len(given) == len(names) == 2 else len(given) or "none",
            )
            return
        from jsonschema.exceptions import best_match

        likeliest = best_match(error.context or ())
        if likeliest is None:
            yield self.simple(str(error.validator), error)
        else:
            yield from self.tell(likeliest)

    def simple(self, keyword: str, error: _Error) -> Violation:
        wanted, where = error.validator_value, _named((*self.prefix, *error.absolute_path))
        if keyword == "type":
            kinds = " or ".join(_KINDS[kind] for kind in ([wanted] if isinstance(wanted, str) else wanted))
            given = _kind(error.instance)
            return self.violation(
                "schema-type", error, _unquoted(error), where=where, wanted=kinds, given=given
            )
        if keyword in ("enum", "const"):
            allowed = list(wanted) if keyword == "enum" else [wanted]
            near = did_you_mean(error.instance, map(str, allowed)) if isinstance(error.instance, str) else ""
            remedy = f"{near}{_listed('Allowed:', allowed)}"
            return self.violation("schema-value", error, remedy, where=where, value=self.shown(error))
        if keyword in _RANGES:
            return self.violation(
                "schema-range", error, where=where, detail=f"it must be {_RANGES[keyword]} {wanted}"
            )
        if keyword in _LENGTHS:
            bound, unit = _LENGTHS[keyword]
            units = unit if wanted == 1 else f"{unit}s".replace("ys", "ies")
            return self.violation(
                "schema-length", error, where=where, detail=f"it must have {bound} {wanted} {units}"
            )
        remedy = str(error.schema.get("description", "")) if isinstance(error.schema, Mapping) else ""
        if keyword == "pattern":
            return self.violation(
                "schema-pattern", error, remedy, where=where, detail=f"it must match {wanted}"
            )
        if keyword == "uniqueItems":
            return self.violation("schema-unique", error, where=where)
        if error.validator is None:  # the schema false
            return self.violation("schema-other", error, where=where, detail="no value is allowed")
        detail = f"{keyword} {json.dumps(wanted, ensure_ascii=False)[:80]}"
        return self.violation("schema-other", error, remedy, where=where, detail=detail)

    def violation(
        self,
        rule_id: str,
        error: _Error,
        remedy: str = "",
        *,
        below: str | None = None,
        **values: object,
    ) -> Violation:
        found = rule(rule_id)
        pointer = (*self.prefix, *error.absolute_path, *(() if below is None else (below,)))
        return Violation(
            rule_id, found.message.format(**values), remedy or found.remedy, pointer, at_key=below is not None
        )

    def shown(self, error: _Error) -> str:
        """Quote a value as it is written in the file, short, without secrets."""
        from vmpack.manifest.secrets import redact

        value: Any = self.written
        for step in error.absolute_path:
            value = value[step]
        text = redact(json.dumps(value, ensure_ascii=False))
        return text if len(text) <= 60 else f"{text[:57]}…"


def _named(pointer: Pointer) -> str:
    """Write a pointer as people do: ``targetRegions[0].name``."""
    if not pointer:
        return "the document"
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in pointer).lstrip(".")


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    kinds: dict[type, str] = {dict: "object", list: "array", str: "string", int: "integer"}
    return "a fraction" if isinstance(value, float) else _KINDS[kinds.get(type(value), "null")]


def _unquoted(error: _Error) -> str:
    wanted = error.validator_value
    if isinstance(error.instance, str) and wanted in ("integer", "number", "boolean"):
        return "Write it without quotes."
    if wanted == "string" and isinstance(error.instance, int | float):
        return "Write it in double quotes."
    return "Write it as a list: […]." if wanted == "array" else ""


def _belongs(name: str, root: Mapping[str, Any]) -> str:
    """Tell where a property belongs that stands one level too high."""
    for owner, schema in root.get("properties", {}).items():
        if isinstance(schema, Mapping) and name in schema.get("properties", {}):
            return f"It belongs under {owner!r}."
    return ""


def _listed(label: str, names: Any) -> str:
    texts = [name if isinstance(name, str) else json.dumps(name) for name in names]
    return f"{label} {', '.join(texts)}." if texts else "Nothing is allowed here."


def _either(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
