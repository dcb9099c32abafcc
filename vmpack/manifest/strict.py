"""Say yes to strict JSON at the speed of the C parser; whatever is odd goes to the scanner, which knows places.

Not a second parser: it answers "surely strict, and this is the value" or "ask the scanner".
"""

import json
import math
from typing import Any, NoReturn

from vmpack.types import JSONValue

MAX_DEPTH = 64
"""Deepest nesting; a manifest needs six levels."""
LARGEST_INTEGER = 2**53 - 1
"""Beyond it JSON readers disagree, because many keep numbers as doubles (RFC 8259, section 6)."""


def surely_strict(text: str) -> tuple[bool, JSONValue]:
    """Tell whether a text is strict JSON beyond doubt, and its value."""
    # Escapes may hide NUL or half a surrogate pair, many brackets may nest too deep: the scanner looks closer.
    if "\\u" in text or text.count("{") + text.count("[") > MAX_DEPTH:
        return False, None
    try:
        return True, json.loads(
            text, object_pairs_hook=_unique, parse_int=_whole, parse_float=_finite, parse_constant=_refuse
        )
    except ValueError:
        return False, None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _refuse("a duplicate key")


def _whole(digits: str) -> int:
    value = int(digits) if len(digits) <= len(f"-{LARGEST_INTEGER}") else LARGEST_INTEGER + 1
    return value if abs(value) <= LARGEST_INTEGER else _refuse(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refuse(digits)


def _refuse(what: str) -> NoReturn:
    raise ValueError(what)
