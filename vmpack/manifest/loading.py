"""The way from a path to a manifest: read, scan, interpolate, check by schema, freeze, check across."""

import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from vmpack import resources
from vmpack.errors import ManifestError
from vmpack.findings import Finding
from vmpack.manifest import checks, schema
from vmpack.manifest.freeze import freeze
from vmpack.manifest.interpolation import interpolate
from vmpack.manifest.model import Manifest, Source
from vmpack.manifest.reading import Unreadable, manifest_path, read_text
from vmpack.manifest.scan import MAX_PROBLEMS, SyntaxProblem, scan
from vmpack.types import JSONValue


def load(
    path: Path,
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Manifest:
    """Load a manifest: a file, or a folder that holds a ``vmapp.json``.

    ``variables`` come from ``--set`` and win over ``environment``, which is the process's own by default.
    Raises ManifestError, whose ``findings`` hold every problem at once, in the order of the text.
    """
    path = manifest_path(path)
    source, document = _read(path)
    found = interpolate(document, variables or {}, os.environ if environment is None else environment)
    findings = [
        source.finding(each.rule, "error", each.message, help=each.help, pointer=each.pointer, part=each.part)
        for each in found.problems[:MAX_PROBLEMS]
    ]
    unresolved = {each.pointer for each in found.problems}
    violations = schema.problems(vmapp_schema(), found.document, written=document)
    findings += _findings(
        source, [each for each in violations if each.pointer not in unresolved][:MAX_PROBLEMS]
    )
    if findings:
        raise _invalid(path, findings)
    manifest = freeze(source, cast("Mapping[str, Any]", found.document))
    if findings := _findings(source, checks.check(manifest)):
        raise _invalid(path, findings)
    return manifest


@cache
def vmapp_schema() -> dict[str, Any]:
    """Give the JSON Schema of ``vmapp.json``; do not change what you get."""
    text = resources.schemas().joinpath("vmapp.schema.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def read_json(path: Path) -> tuple[Source, JSONValue]:
    """Read any small file as strict JSON; raise ManifestError with every problem at once."""
    return _read(path)


def _read(path: Path) -> tuple[Source, JSONValue]:
    try:
        source = Source(path, read_text(path))
    except Unreadable as error:
        raise _invalid(path, [error.finding]) from None
    scanned = scan(source.text)
    if scanned.problems:
        raise _invalid(path, [_syntax_finding(source, each) for each in scanned.problems])
    return source, scanned.value


def _syntax_finding(source: Source, problem: SyntaxProblem) -> Finding:
    from vmpack.manifest.positions import place_at

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


def _findings(source: Source, violations: Iterable[schema.Violation]) -> list[Finding]:
    return [
        source.finding(
            each.rule, "error", each.message, help=each.help, pointer=each.pointer, key=each.at_key
        )
        for each in violations
    ]


def _invalid(path: Path, findings: list[Finding]) -> ManifestError:
    ordered = sorted(findings, key=lambda each: (each.line, each.column))
    count = f"{len(ordered)} problem{'s' if len(ordered) > 1 else ''}"
    what = ordered[0].message if len(ordered) == 1 else f"the manifest has {count}"
    return ManifestError(what, findings=ordered, where=str(path), rule=ordered[0].rule)
