"""Say yes to a valid document without jsonschema, whose import alone takes longer than all of ``vmpack validate``.

This is no second validator: it knows the keywords that vmpack's own schemas use and gives up on any other. A yes
means that jsonschema would say yes too (a property test holds both against each other); anything else means that
jsonschema is asked, which also words the errors.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any] | bool
_Check = Callable[[Any, Any, Mapping[str, Any], Mapping[str, Any]], bool]


class _Unknown(Exception):  # noqa: N818 - an answer, not an error
    """A keyword, or a use of one, that only jsonschema can judge."""


def surely_valid(schema: Schema, document: object) -> bool:
    """Tell whether the document is valid beyond doubt; False means "ask jsonschema"."""
    try:
        return _valid(schema, document, schema if isinstance(schema, Mapping) else {})
    except (_Unknown, RecursionError):
        return False


def _valid(schema: Any, value: Any, root: Mapping[str, Any]) -> bool:
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict):
        raise _Unknown
    for keyword, wanted in schema.items():
        if keyword in _ANNOTATIONS or keyword.startswith("x-") or (keyword == "$id" and schema is root):
            continue
        if keyword not in _CHECKS:
            raise _Unknown
        if not _CHECKS[keyword](wanted, value, schema, root):
            return False
    return True


def _type(wanted: Any, value: Any, *_: Any) -> bool:
    names = wanted if isinstance(wanted, list) else [wanted]
    if not all(isinstance(name, str) and name in _TYPES for name in names):
        raise _Unknown
    return any(_TYPES[name](value) for name in names)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
}


def _properties(wanted: Any, value: Any, _: Any, root: Any) -> bool:
    return not isinstance(value, dict) or all(
        _valid(wanted[key], value[key], root) for key in wanted if key in value
    )


def _additional(wanted: Any, value: Any, schema: Any, root: Any) -> bool:
    if "patternProperties" in schema:
        raise _Unknown
    known = schema.get("properties", {})
    return not isinstance(value, dict) or all(
        _valid(wanted, value[key], root) for key in value if key not in known
    )


def _names(wanted: Any, value: Any, _: Any, root: Any) -> bool:
    return not isinstance(value, dict) or all(_valid(wanted, key, root) for key in value)


def _required(wanted: Any, value: Any, *_: Any) -> bool:
    return not isinstance(value, dict) or all(key in value for key in wanted)


def _items(wanted: Any, value: Any, schema: Any, root: Any) -> bool:
    if "prefixItems" in schema:
        raise _Unknown
    return not isinstance(value, list) or all(_valid(wanted, item, root) for item in value)


def _enum(wanted: Any, value: Any, *_: Any) -> bool:
    if not all(isinstance(choice, str) for choice in wanted):
        raise _Unknown
    return isinstance(value, str) and value in wanted


def _unique(wanted: Any, value: Any, *_: Any) -> bool:
    if not wanted or not isinstance(value, list):
        return True
    if not all(isinstance(item, str) for item in value):
        raise _Unknown
    return len(set(value)) == len(value)


def _one_of(wanted: Any, value: Any, _: Any, root: Any) -> bool:
    return sum(_valid(choice, value, root) for choice in wanted) == 1


def _reference(wanted: Any, value: Any, _: Any, root: Any) -> bool:
    match = re.fullmatch(r"#/\$defs/([A-Za-z0-9]+)", wanted)
    if not match or match[1] not in root.get("$defs", {}):
        raise _Unknown
    return _valid(root["$defs"][match[1]], value, root)


_ANNOTATIONS = frozenset(
    {"$schema", "$comment", "$defs", "title", "description", "default", "examples", "deprecated", "format"}
)
"""Keywords that judge nothing; ``format`` is one of them in 2020-12."""
_CHECKS: dict[str, _Check] = {
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "required": _required,
    "items": _items,
    "enum": _enum,
    "const": lambda wanted, value, schema, root: _enum([wanted], value, schema, root),
    "uniqueItems": _unique,
    "oneOf": _one_of,
    "$ref": _reference,
    "pattern": lambda wanted, value, *_: not isinstance(value, str) or bool(re.search(wanted, value)),
    "minLength": lambda wanted, value, *_: not isinstance(value, str) or len(value) >= wanted,
    "maxLength": lambda wanted, value, *_: not isinstance(value, str) or len(value) <= wanted,
    "minItems": lambda wanted, value, *_: not isinstance(value, list) or len(value) >= wanted,
    "maxItems": lambda wanted, value, *_: not isinstance(value, list) or len(value) <= wanted,
    "minimum": lambda wanted, value, *_: not _is_number(value) or value >= wanted,
    "maximum": lambda wanted, value, *_: not _is_number(value) or value <= wanted,
}
