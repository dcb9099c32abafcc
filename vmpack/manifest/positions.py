"""From the way to a value (a pointer) to the line and column where it stands."""

import re
from dataclasses import dataclass

from vmpack.manifest import secrets
from vmpack.manifest.model import Pointer
from vmpack.manifest.scan import scan

WIDTH = 160
"""Longest source line shown whole; a longer one is cut around the column."""
_BEFORE = 60
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
    """Characters, at least 1, never beyond the line."""
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


_BLANK = re.compile(r"[^\r\n]")


def place_at(text: str, offset: int, length: int = 1) -> Place:
    """Give the place of a stretch that starts at an offset in characters; only its first line is kept."""
    line, begin = 1, 0
    for found in _BREAK.finditer(text, 0, offset):
        line, begin = line + 1, found.end()
    end = _BREAK.search(text, offset)
    whole = secrets.redact(text[begin : end.start() if end else len(text)])
    column = offset - begin + 1
    length = max(1, min(length, len(whole) - column + 1))
    shown, caret = _cut(whole, column)
    return Place(line, column, shown, max(1, min(length, len(shown) - caret + 1)), caret)


def _cut(line: str, column: int) -> tuple[str, int]:
    if len(line) <= WIDTH:
        return line, column
    begin = max(0, min(column - 1 - _BEFORE, len(line) - WIDTH))
    head = "…" if begin else ""
    tail = "…" if begin + WIDTH < len(line) else ""
    return f"{head}{line[begin : begin + WIDTH]}{tail}", column - begin + len(head)


def _raw_offset(text: str, start: int, index: int) -> int:
    """Give where the index-th character of a decoded string stands in the text."""
    for _ in range(index):
        unit = _ESCAPED.match(text, start)
        if unit is None:
            return start
        start = unit.end()
    return start
