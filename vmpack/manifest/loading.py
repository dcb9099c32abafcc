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
from vmpack.manifest.model import Manifest, Source
from vmpack.manifest.reading import Unreadable, manifest_path, read_text
from vmpack.manifest.strict import surely_strict
from vmpack.types import JSONValue, Pointer

_Object = Mapping[str, Any]
_STAND_INS = {"name": "unnamed", "version": "0.0.0"}
"""For a name and a version that are missing or wrong: no rule is broken by them."""


class InvalidManifest(ManifestError):  # noqa: N818 - reads as what it is
    """A manifest with problems; ``sound`` is what is left of it without them.

    Rules that need a ``Manifest`` (the platform's) can be tried on ``sound``, so that their findings are told in
    the same run. It is None where too little is left to go on, and never fit to be built.
    """

    def __init__(self, what: str, *, sound: Manifest | None, findings: list[Finding], where: str) -> None:
        super().__init__(what, findings=findings, where=where, rule=findings[0].rule)
        self.sound = sound


def load(
    path: Path,
    variables: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Manifest:
    """Load a manifest: a file, or a folder that holds a ``vmapp.json``.

    ``variables`` come from ``--set`` and win over ``environment``, which is the process's own by default.
    Raises InvalidManifest, a ManifestError whose ``findings`` hold every problem at once, in the order of the text.
    """
    source, written = read_json(manifest_path(path))
    environment = os.environ if environment is None else environment
    document, findings, wrong = _interpolated(source, written, variables or {}, environment)
    if not surely_valid(vmapp_schema(), document):
        from vmpack.manifest import explain

        found, violated = explain.violations(source, vmapp_schema(), document, written, wrong)
        findings, wrong = findings + found, wrong | violated
    manifest = _sound(source, document, wrong) if findings else freeze(source, cast("_Object", document))
    if manifest and (broken := tuple(check(manifest))):
        from vmpack.manifest import explain

        findings += explain.broken_rules(source, broken)
    if findings or manifest is None:
        raise _invalid(source.path, findings, manifest)
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


def _sound(source: Source, document: JSONValue, wrong: set[Pointer]) -> Manifest | None:
    """Freeze what is left without the top-level properties that hold something wrong."""
    dropped = {pointer[0] for pointer in wrong if pointer}
    if not isinstance(document, Mapping) or "os" in dropped or "os" not in document:
        return None
    known = vmapp_schema()["properties"]
    kept = {key: value for key, value in document.items() if key in known and key not in dropped}
    return freeze(source, {**_STAND_INS, **kept})


def _invalid(path: Path, findings: list[Finding], sound: Manifest | None = None) -> InvalidManifest:
    ordered = sorted(findings, key=lambda each: (each.line, each.column))
    several = f"the manifest has {len(ordered)} problems"
    what = ordered[0].message if len(ordered) == 1 else several
    return InvalidManifest(what, sound=sound, findings=ordered, where=str(path))
