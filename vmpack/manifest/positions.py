"""From the way to a value (a pointer) to the line and column where it stands."""

import re

from vmpack.manifest import secrets
from vmpack.manifest.scan import scan
from vmpack.types import Pointer
from vmpack.values import dataclass

WIDTH = 160
"""Longest source line shown whole; a longer one is cut around the column."""
_BEFORE = 60
_MARGIN = 4096
_BLANK = re.compile(r"[^\r\n]")
_BREAK = re.compile(r"\r\n|\n|\r")
_ESCAPED = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line."""

    line: int
    """From 1."""
    column: int
    """In characters, from 1."""
    source_line: str
    """The line without its end; secrets blanked, long lines cut around the column."""
    length: int
    """Characters, at least 1, never beyond what is shown of the line."""
    caret: int
    """Where ``column`` is in ``source_line``, from 1: the two differ where a long line was cut."""


def locate(
    text: str, pointer: Pointer, *, key: bool = False, part: tuple[int, int] | None = None, hide: bool = False
) -> Place:
    """Give the place of a value, or of the nearest parent when it is missing.

    ``key`` asks for the property's name instead of its value. ``part`` narrows a string down to the characters
    from its first to its second figure, counted in the decoded string. ``hide`` blanks the value.
    """
    spans = scan(text).spans
    while pointer not in spans and pointer:
        pointer, key, part = pointer[:-1], False, None
    span = spans.get(pointer)
    if span is None:
        return place_at(text, 0)
    if key and span.key_start >= 0:
        return place_at(text, span.key_start, span.key_end - span.key_start)
    start, end = span.start, span.end
    if text[start] in "{[" and not hide:
        end = start + 1  # a whole object underlined says less than its first brace
    if part and text[start] == '"':
        start, end = (_raw_offset(text, span.start + 1, index) for index in part)
    shown = f"{text[:start]}{_BLANK.sub('*', text[start:end])}{text[end:]}" if hide else text
    return place_at(shown, start, end - start)


def place_at(text: str, offset: int, length: int = 1) -> Place:
    """Give the place of a stretch that starts at an offset in characters; only its first line is kept."""
    line = 1 + text.count("\n", 0, offset) + text.count("\r", 0, offset) - text.count("\r\n", 0, offset)
    begin = 1 + max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset))
    ending = _BREAK.search(text, offset)
    end = ending.start() if ending else len(text)
    shown, caret = _shown(text, begin, end, offset)
    return Place(line, offset - begin + 1, shown, max(1, min(length, len(shown) - caret + 1)), caret)


def _shown(text: str, begin: int, end: int, offset: int) -> tuple[str, int]:
    """Give what is shown of the line from ``begin`` to ``end``, and where the offset is in it."""
    if end - begin <= WIDTH:
        return secrets.redact(text[begin:end]), offset - begin + 1
    start = max(begin, min(offset - _BEFORE, end - WIDTH))
    stop = start + WIDTH
    # A secret may be cut in two; look for secrets in a wider stretch than is shown.
    wide = max(begin, start - _MARGIN)
    clean = secrets.redact(text[wide : min(end, stop + _MARGIN)])[start - wide : stop - wide]
    head = "…" if start > begin else ""
    return f"{head}{clean}{'…' if stop < end else ''}", offset - start + 1 + len(head)


def _raw_offset(text: str, start: int, index: int) -> int:
    """Give where the index-th character of a decoded string stands in the text."""
    for _ in range(index):
        unit = _ESCAPED.match(text, start)
        if unit is None:
            return start
        start = unit.end()
    return start
