"""The way from a path to a manifest: read, interpolate, check by schema, freeze, check across.

A valid manifest passes through without the modules that word errors (``explain``, ``schema``, ``scan``): they and
jsonschema would double the time of ``vmpack validate``.
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from vmpack import resources
from vmpack.errors import ManifestError
from vmpack.findings import Finding
from vmpack.manifest.accept import surely_valid
from vmpack.manifest.checks import check
from vmpack.manifest.freeze import freeze
from vmpack.manifest.model import Manifest, Pointer, Source
from vmpack.manifest.reading import Unreadable, manifest_path, read_text
from vmpack.manifest.strict import surely_strict
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
    source, written = read_json(manifest_path(path))
    environment = os.environ if environment is None else environment
    document, findings, unresolved = _interpolated(source, written, variables or {}, environment)
    if not surely_valid(vmapp_schema(), document):
        from vmpack.manifest import explain

        findings += explain.violations(source, vmapp_schema(), document, written, unresolved)
    if findings:
        raise _invalid(source.path, findings)
    manifest = freeze(source, cast("Mapping[str, Any]", document))
    if broken := tuple(check(manifest)):
        from vmpack.manifest import explain

        raise _invalid(source.path, explain.broken_rules(source, broken))
    return manifest


def read_json(path: Path) -> tuple[Source, JSONValue]:
    """Read any small file as strict JSON; raise ManifestError with every problem at once."""
    try:
        source = Source(path, read_text(path))
    except Unreadable as error:
        raise _invalid(path, [error.finding]) from None
    strict, value = surely_strict(source.text)
    if strict:
        return source, value
    from vmpack.manifest import explain, scan

    scanned = scan.scan(source.text)
    if scanned.problems:
        raise _invalid(path, explain.syntax_problems(source, scanned.problems))
    return source, scanned.value


@cache
def vmapp_schema() -> dict[str, Any]:
    """Give the JSON Schema of ``vmapp.json``; do not change what you get."""
    text = resources.schemas().joinpath("vmapp.schema.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def _interpolated(
    source: Source, written: JSONValue, variables: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[JSONValue, list[Finding], set[Pointer]]:
    """Give the document with its variables filled in, what could not be, and where that is."""
    if "${" not in source.text and "\\u" not in source.text:
        return written, [], set()
    from vmpack.manifest import explain
    from vmpack.manifest.interpolation import interpolate

    result = interpolate(written, variables, environment)
    unresolved = {each.pointer for each in result.problems}
    return result.document, explain.unresolved(source, result.problems), unresolved


def _invalid(path: Path, findings: list[Finding]) -> ManifestError:
    ordered = sorted(findings, key=lambda each: (each.line, each.column))
    several = f"the manifest has {len(ordered)} problems"
    what = ordered[0].message if len(ordered) == 1 else several
    return ManifestError(what, findings=ordered, where=str(path), rule=ordered[0].rule)
