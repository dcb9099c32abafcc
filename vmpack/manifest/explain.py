"""From what is wrong to findings that point at the text; imported only when something is wrong."""

from collections.abc import Iterable, Mapping
from typing import Any

from vmpack.findings import Finding
from vmpack.manifest import schema
from vmpack.manifest.checks import Broken
from vmpack.manifest.interpolation import Unresolved
from vmpack.manifest.model import Source
from vmpack.manifest.positions import place_at
from vmpack.manifest.rules import rule
from vmpack.manifest.scan import MAX_PROBLEMS, SyntaxProblem
from vmpack.types import JSONValue, Pointer


def syntax_problems(source: Source, problems: Iterable[SyntaxProblem]) -> list[Finding]:
    """Give a finding for everything that is not strict JSON."""
    return [_at_offset(source, each) for each in problems]


def unresolved(source: Source, problems: list[Unresolved]) -> list[Finding]:
    """Give a finding for every variable that could not be filled in, at the variable itself."""
    return [
        source.finding(each.rule, "error", each.message, help=each.help, pointer=each.pointer, part=each.part)
        for each in problems[:MAX_PROBLEMS]
    ]


def violations(
    source: Source, by: Mapping[str, Any], document: JSONValue, written: JSONValue, known: set[Pointer]
) -> tuple[list[Finding], set[Pointer]]:
    """Give a finding for every way the document breaks the schema, and the places of the wrong values.

    Values that are ``known`` to be wrong are left out.
    """
    found = [each for each in schema.problems(by, document, written=written) if each.pointer not in known]
    findings = [
        source.finding(
            each.rule, "error", each.message, help=each.help, pointer=each.pointer, key=each.at_key
        )
        for each in found[:MAX_PROBLEMS]
    ]
    return findings, {each.pointer for each in found}


def broken_rules(source: Source, broken: Iterable[Broken]) -> list[Finding]:
    """Give a finding for every broken rule between properties."""
    return [
        source.finding(
            found.id,
            found.severity,
            found.message.format(**each.values),
            help=found.remedy.format(**each.values),
            pointer=each.pointer,
        )
        for each in broken
        for found in (rule(each.rule),)
    ]


def _at_offset(source: Source, problem: SyntaxProblem) -> Finding:
    place = place_at(source.text, problem.offset, problem.length)
    return Finding(
        problem.rule.id,
        problem.rule.severity,
        problem.message,
        problem.help,
        str(source.path),
        place.line,
        place.column,
        place.source_line,
        place.length,
        place.caret,
    )
