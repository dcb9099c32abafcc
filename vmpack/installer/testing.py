"""Tells whether a template is right: the checks behind ``vmpack template test``.

A template brings its cases along: ``tests/<case>/case.json`` with ``os``, ``params`` and, when they matter, ``checks``;
beside it ``expected/`` with the files as they should come out. Beyond these golden files every case is rendered with
hostile text in each of its parameters: the shape of the scripts, as a parser of the target's language sees it, must not
change. A check that needs a parser which is not installed is reported as skipped, never as passed.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from vmpack.errors import TemplateError
from vmpack.installer.discovery import Template
from vmpack.installer.model import Lifecycle, PayloadFacts
from vmpack.installer.params import with_defaults
from vmpack.installer.rendering import render_template
from vmpack.installer.shape import HOSTILE, problems_of, shape_of
from vmpack.manifest.model import Check, InstallerRef, Manifest, Payload, Source
from vmpack.types import JSONValue, Os
from vmpack.values import dataclass, replace

Verdict = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Case:
    """One example of a template's use, as a file beside it tells."""

    name: str
    folder: Path
    os: Os
    params: Mapping[str, JSONValue]
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found."""

    case: str
    check: str
    """``golden``, ``syntax`` or ``injection``."""
    verdict: Verdict
    message: str = ""


def cases_of(template: Template) -> tuple[Case, ...]:
    """Read the template's cases, sorted by name; raise TemplateError for one that cannot be read."""
    tests = Path(str(template.root)) / "tests"
    folders = sorted(tests.iterdir()) if tests.is_dir() else []
    return tuple(_case(folder) for folder in folders if (folder / "case.json").is_file())


def try_template(template: Template, *, update: bool = False) -> tuple[Result, ...]:
    """Run every check on every case; with ``update`` rewrite the golden files instead of comparing them."""
    return tuple(result for case in cases_of(template) for result in _results(template, case, update=update))


def render_case(template: Template, case: Case) -> Lifecycle:
    """Render one case for a made-up application."""
    return render_template(template, _manifest(template, case), _FACTS[case.os], _params(template, case))


_FACTS: Mapping[Os, PayloadFacts] = {
    "linux": PayloadFacts("payload.tar.zst", "tar.zst", files=3, size=123456),
    "windows": PayloadFacts("payload", "zip", files=3, size=123456),
}


def _case(folder: Path) -> Case:
    path = folder / "case.json"
    try:
        document = json.loads(path.read_text("utf-8"))
        checks = tuple(Check(**check) for check in document.get("checks", ()))
        return Case(folder.name, folder, document["os"], document["params"], checks)
    except (ValueError, KeyError, TypeError) as error:
        raise TemplateError(f"the case cannot be read: {error}", where=str(path)) from error


def _manifest(template: Template, case: Case) -> Manifest:
    return Manifest(
        source=Source(case.folder / "case.json", "{}"),
        document={},
        name="hello",
        version="1.2.0",
        os=case.os,
        payload=Payload(),
        package_file_name="hello.zip" if case.os == "windows" else "hello.tar",
        installer=InstallerRef(template.name, case.params),
        checks=case.checks,
        description="Says hello",
    )


def _params(template: Template, case: Case) -> dict[str, JSONValue]:
    return with_defaults(template.params_schema, case.params)


def _results(template: Template, case: Case, *, update: bool) -> Iterator[Result]:
    lifecycle = render_case(template, case)
    own = {script.name: script.data for script in lifecycle.scripts if script.name in template.files(case.os)}
    yield _golden(case, own, update=update)
    yield _syntax(case, lifecycle)
    yield _injection(template, case, own)


def _golden(case: Case, files: Mapping[str, bytes], *, update: bool) -> Result:
    expected = case.folder / "expected"
    if update:
        expected.mkdir(exist_ok=True)
        for old in set(expected.iterdir()) - {expected / name for name in files}:
            old.unlink()
        for name, data in files.items():
            (expected / name).write_bytes(data)
    there = {path.name: path.read_bytes() for path in expected.iterdir()} if expected.is_dir() else {}
    different = sorted(name for name in files.keys() | there.keys() if files.get(name) != there.get(name))
    if different:
        return Result(case.name, "golden", "failed", f"differs from expected/: {', '.join(different)}")
    return Result(case.name, "golden", "passed")


def _syntax(case: Case, lifecycle: Lifecycle) -> Result:
    skipped = ""
    for script in lifecycle.scripts:
        try:
            found = problems_of(script.name, script.data)
        except ImportError as error:
            skipped = f"{script.name}: {error}"
            continue
        if found:
            return Result(case.name, "syntax", "failed", f"{script.name}: {found[0]}")
    return Result(case.name, "syntax", "skipped" if skipped else "passed", skipped)


def _injection(template: Template, case: Case, benign: Mapping[str, bytes]) -> Result:
    try:
        shapes = {name: shape_of(name, data) for name, data in benign.items()}
        for path, hostile in _hostile(template.params_schema, case.params):
            try:
                lifecycle = render_case(template, replace(case, params=hostile))
            except TemplateError:
                continue
            for script in lifecycle.scripts:
                if script.name in shapes and shape_of(script.name, script.data) != shapes[script.name]:
                    text = f"{script.name}: text in {path} changes what the script does"
                    return Result(case.name, "injection", "failed", text)
    except ImportError as error:
        return Result(case.name, "injection", "skipped", str(error))
    return Result(case.name, "injection", "passed")


def _hostile(
    schema: Mapping[str, Any], params: Mapping[str, JSONValue]
) -> Iterator[tuple[str, dict[str, JSONValue]]]:
    """Give the parameters again and again, each time with one text in one place made hostile."""
    for nasty in HOSTILE:
        yield from _replaced(schema, params, nasty, "params")


def _replaced(schema: Mapping[str, Any], value: Any, nasty: str, path: str) -> Iterator[tuple[str, Any]]:
    """Spoil every free text and every free property name; a choice from a list decides what is rendered."""
    if "enum" in schema:
        return
    if isinstance(value, str):
        yield path, value + nasty
    elif isinstance(value, Mapping):
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key)
            if inner is None and "enum" not in schema.get("propertyNames", {}):
                renamed = {name + nasty if name == key else name: held for name, held in value.items()}
                yield f"the name {path}.{key}", renamed
            for at, new in _replaced(inner or {}, item, nasty, f"{path}.{key}"):
                yield at, {**value, key: new}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for at, new in _replaced({}, item, nasty, f"{path}[{index}]"):
                yield at, [*value[:index], new, *value[index + 1 :]]
