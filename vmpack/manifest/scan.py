"""Strict JSON with the place of every value: what ``json.loads`` forgives is a problem here.

One pass gives the value, where each part of it stands, and every problem at once: after a comment, a comma too
many, a single-quoted string or a duplicate key the scanner knows what was meant and goes on.
"""

import math
import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined]  # the C scanner: public in all but its stub
from typing import NoReturn

from vmpack.manifest.rules import Rule, rule
from vmpack.manifest.strict import LARGEST_INTEGER, MAX_DEPTH
from vmpack.types import JSONValue, Pointer

MAX_PROBLEMS = 50
"""Then the text is something else than JSON, and more places help nobody."""

_SPACE = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"//[^\r\n]*|#[^\r\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?(?![0-9A-Za-z_.+-])")
_NUMBER_LIKE = re.compile(r"[-+]?(?:NaN|Infinity|\.?[0-9][0-9A-Za-z_.+-]*)")
_WORD = re.compile(r"[^\W\d][\w$-]*")
_STRING = re.compile(r'"(?:[^"\\\r\n]|\\[^\r\n])*"')
_SINGLE = re.compile(r"'(?:[^'\\\r\n]|\\[^\r\n])*'")
_UNSAFE = re.compile("[\x00\ud800-\udfff]")
_LITERALS: dict[str, JSONValue] = {"true": True, "false": False, "null": None}
_MEANT = {"None": "null", "True": "true", "False": "false", "undefined": "null"}


@dataclass(frozen=True, slots=True)
class Span:
    """Where a value stands in the text, and where its key does if it has one (offsets in characters)."""

    start: int
    end: int
    key_start: int = -1
    key_end: int = -1


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """Something that is not strict JSON."""

    rule: Rule
    message: str
    help: str
    offset: int
    length: int = 1


@dataclass(slots=True)
class Scan:
    """What one pass over a text gives; ``value`` means nothing when there are problems."""

    value: JSONValue = None
    spans: dict[Pointer, Span] = field(default_factory=dict)
    problems: list[SyntaxProblem] = field(default_factory=list)


@lru_cache(maxsize=8)
def scan(text: str) -> Scan:
    """Read a text as strict JSON; never raises, problems are in the result."""
    scanner = _Scanner(text)
    with suppress(_Stop):
        scanner.document()
    return scanner.found


class _Stop(Exception):  # noqa: N818 - control flow, not an error
    """What follows cannot be understood any more."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found = Scan()

    def document(self) -> None:
        self.skip()
        if self.at == len(self.text):
            self.stop("json-empty")
        self.found.value = self.value(())
        self.skip()
        if self.at < len(self.text):
            self.stop(
                "json-syntax", "nothing may follow the document", "Remove what stands behind the last brace."
            )

    def value(self, pointer: Pointer) -> JSONValue:
        start = self.at
        letter = self.peek()
        if letter in "{[" and letter:
            if len(pointer) >= MAX_DEPTH:
                self.stop("json-nesting", limit=MAX_DEPTH)
            value = self.members(pointer) if letter == "{" else self.items(pointer)
        elif letter in "\"'" and letter:
            value = self.string()
        else:
            value = self.scalar()
        key = self.found.spans.get(pointer)
        self.found.spans[pointer] = (
            Span(start, self.at, key.key_start, key.key_end) if key else Span(start, self.at)
        )
        return value

    def members(self, pointer: Pointer) -> JSONValue:
        found: dict[str, JSONValue] = {}
        self.at += 1
        while self.more("}", first=not found):
            start = self.at
            key = self.key()
            if key in found:
                self.note("json-duplicate-key", start, self.at - start, key=key)
            end = self.at
            self.skip()
            if self.peek() not in (":", "="):
                self.stop("json-syntax", "a colon is missing after the property name", 'Write "name": value.')
            if self.peek() == "=":
                self.note(
                    "json-syntax", self.at, 1, "a colon stands between name and value, not an equals sign"
                )
            self.at += 1
            self.skip()
            self.found.spans[(*pointer, key)] = Span(start, end, start, end)
            found[key] = self.value((*pointer, key))
        return found

    def items(self, pointer: Pointer) -> JSONValue:
        items: list[JSONValue] = []
        self.at += 1
        while self.more("]", first=not items):
            items.append(self.value((*pointer, len(items))))
        return items

    def more(self, closing: str, *, first: bool) -> bool:
        """Step over the comma or the closing bracket; tell whether another member follows."""
        behind = self.at
        self.skip()
        comma = self.at
        if not first and self.peek() == ",":
            self.at += 1
            self.skip()
            if self.peek() == closing:
                self.note("json-trailing-comma", comma, 1)
        elif not first and self.peek() and self.peek() not in "}]:,":
            self.note("json-syntax", behind, 1, "a comma is missing", "Put a comma between two members.")
        if self.peek() == closing:
            self.at += 1
            return False
        if not self.peek():
            self.stop(
                "json-syntax", f"the text ends before the closing {closing}", f"Add the missing {closing}."
            )
        if self.peek() in "}],":
            self.stop("json-syntax", f"{self.peek()} stands where a member or {closing} is expected")
        return True

    def key(self) -> str:
        if self.peek() in ('"', "'"):
            return self.string()
        word = _WORD.match(self.text, self.at)
        if not word:
            self.stop("json-syntax", "a property name in double quotes is expected")
        self.note(
            "json-syntax", self.at, len(word[0]), "property names need double quotes", f'Write "{word[0]}".'
        )
        self.at = word.end()
        return word[0]

    def string(self) -> str:
        start = self.at
        if self.peek() == "'":
            return self.single_quoted()
        try:
            value, self.at = scanstring(self.text, start + 1, True)
        except JSONDecodeError as error:
            return self.broken_string(error)
        if unsafe := _UNSAFE.search(value):
            name = "NUL" if unsafe[0] == "\0" else "half a surrogate pair"
            self.note("json-character", start, self.at - start, name=name)
        return str(value)

    def single_quoted(self) -> str:
        match = _SINGLE.match(self.text, self.at)
        if not match:
            self.stop("json-single-quotes")
        self.note("json-single-quotes", self.at, len(match[0]))
        self.at = match.end()
        return match[0][1:-1]

    def broken_string(self, error: JSONDecodeError) -> str:
        whole = _STRING.match(self.text, self.at)
        if not whole:
            self.stop(
                "json-syntax",
                "the string does not end on its line",
                "Close it with a double quote; write \\n for a line break.",
            )
        escape = "escape" in error.msg
        message = (
            "a backslash starts no known escape here"
            if escape
            else "a control character stands in the string"
        )
        remedy = (
            "Write \\\\ for a backslash, as in C:\\\\tools."
            if escape
            else "Write it as an escape: \\t or \\u0000."
        )
        self.note("json-syntax", max(error.pos, self.at), 1, message, remedy)
        self.at = whole.end()
        return whole[0][1:-1]

    def scalar(self) -> JSONValue:
        if number := _NUMBER.match(self.text, self.at):
            return self.number(number)
        if odd := _NUMBER_LIKE.match(self.text, self.at):
            self.note("json-number", self.at, len(odd[0]), what=odd[0][:40])
            self.at = odd.end()
            return 0
        word = _WORD.match(self.text, self.at)
        if not word:
            what = (
                f"{self.peek()!r} cannot start a value"
                if self.peek()
                else "the text ends where a value is expected"
            )
            self.stop("json-syntax", what)
        if word[0] not in _LITERALS:
            meant = _MEANT.get(word[0])
            remedy = f"Write {meant}." if meant else "Put text in double quotes."
            self.note("json-syntax", self.at, len(word[0]), f"{word[0][:40]} is no JSON value", remedy)
        self.at = word.end()
        return _LITERALS.get(word[0])

    def number(self, match: re.Match[str]) -> JSONValue:
        self.at = match.end()
        real = bool(match[1] or match[2])
        # Python refuses to convert very long digit strings; sixteen digits are too many already.
        too_big = not math.isfinite(float(match[0])) if real else len(match[0]) > 17
        value = 0 if too_big else float(match[0]) if real else int(match[0])
        if too_big or (not real and abs(value) > LARGEST_INTEGER):
            self.note("json-number", match.start(), len(match[0]), what=match[0][:40])
        return value

    def skip(self) -> None:
        """Step over white space, and over comments with a complaint."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # matches the empty string
            comment = _COMMENT.match(self.text, self.at)
            if not comment:
                return
            self.note("json-comment", self.at, len(comment[0].splitlines()[0]))
            self.at = comment.end()

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def note(
        self, rule_id: str, offset: int, length: int, message: str = "", remedy: str = "", **values: object
    ) -> None:
        found = rule(rule_id)
        text = message or found.message.format(**values)
        self.found.problems.append(SyntaxProblem(found, text, remedy or found.remedy, offset, max(1, length)))
        if len(self.found.problems) >= MAX_PROBLEMS:
            raise _Stop

    def stop(self, rule_id: str, message: str = "", remedy: str = "", **values: object) -> NoReturn:
        self.note(rule_id, self.at, 1, message, remedy, **values)
        raise _Stop
