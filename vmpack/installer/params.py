"""A template's parameters: checked by its schema, completed by its defaults."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vmpack.errors import TemplateError
from vmpack.findings import Finding
from vmpack.installer.find import Template, find
from vmpack.manifest.model import Manifest
from vmpack.manifest.schema import problems
from vmpack.types import JSONValue, Os, Pointer

POINTER: Pointer = ("installer", "params")
_ABSOLUTE: Mapping[Os, str] = {
    "linux": r"(/[^/\x00-\x1f\x7f]+)+",
    "windows": r"(?:[A-Za-z]:|%[A-Za-z][A-Za-z0-9_()]*%)(\\[^\\/:*?\"<>|%\x00-\x1f]*[^\\/:*?\"<>|%\x00-\x1f .])+",
}
_EXAMPLE: Mapping[Os, str] = {"linux": "/opt/hello", "windows": r"C:\Program Files\hello"}


def check_params(manifest: Manifest, *, template_dirs: Sequence[Path] = ()) -> tuple[Finding, ...]:
    """Give every problem of the manifest's installer and its parameters, each with line and column."""
    if manifest.installer is None:
        return ()
    try:
        template = find(manifest.installer.template, search_path(manifest, template_dirs))
    except TemplateError as error:
        advice = f"{error.why} {error.remedy}".strip()
        return (_finding(manifest, error.rule, error.what, advice, ("installer", "template")),)
    return tuple(_problems(manifest, template))


def search_path(manifest: Manifest, template_dirs: Sequence[Path]) -> tuple[Path, ...]:
    """Give the folders to look in before the common places: those given, then ``templates`` beside the manifest."""
    return (*template_dirs, manifest.folder / "templates")


def completed(manifest: Manifest, template: Template) -> dict[str, JSONValue]:
    """Check the parameters and give them with the schema's defaults; what has no default is None.

    Raises TemplateError with every finding when one does not fit.
    """
    findings = tuple(_problems(manifest, template))
    if findings:
        raise TemplateError(
            f"the parameters of the installer {template.name} are invalid",
            findings=findings,
            where=str(manifest.source.path),
        )
    assert manifest.installer is not None  # noqa: S101 - _problems has looked at it
    return with_defaults(template.params_schema, manifest.installer.params)


def with_defaults(schema: Mapping[str, Any], given: Mapping[str, JSONValue]) -> dict[str, JSONValue]:
    """Fill in the defaults of an object schema, and of the object schemas inside it."""
    values: dict[str, JSONValue] = {}
    for name, inner in schema.get("properties", {}).items():
        value = given.get(name, inner.get("default"))
        values[name] = (
            with_defaults(inner, value) if isinstance(value, Mapping) and "properties" in inner else value
        )
    return values | {name: value for name, value in given.items() if name not in values}


def _problems(manifest: Manifest, template: Template) -> Iterator[Finding]:
    if manifest.os not in template.os:
        message = f"the installer {template.name} is for {' and '.join(template.os)}, not for {manifest.os}"
        yield _finding(manifest, "template-os", message, "", ("installer", "template"))
        return
    assert manifest.installer is not None  # noqa: S101 - the callers come from an installer
    params = manifest.installer.params
    violations = problems(template.params_schema, params, prefix=POINTER)
    if violations:
        # Once more, quoting from the text as written: the value of a variable is never shown.
        violations = problems(template.params_schema, params, prefix=POINTER, written=_written(manifest))
    for problem in violations:
        yield _finding(
            manifest, problem.rule, problem.message, problem.help, problem.pointer, key=problem.at_key
        )
    if not violations:
        schema = template.params_schema
        yield from _system_problems(manifest, schema, schema, params, POINTER)


def _system_problems(
    manifest: Manifest, root: Mapping[str, Any], schema: Mapping[str, Any], value: Any, at: Pointer
) -> Iterator[Finding]:
    """Hold values against the manifest's system: what its schema marks as a path, or as being for one system."""
    schema = resolved(root, schema)
    if schema.get("x-os", manifest.os) != manifest.os:
        yield _finding(manifest, "param-os", f"this parameter is for {schema['x-os']} only", "", at, key=True)
    elif isinstance(value, str):
        yield from _path_problem(manifest, schema.get("format", ""), value, at)
    elif isinstance(value, Mapping):
        names = schema.get("propertyNames", {})
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            yield from _system_problems(manifest, root, names, key, (*at, key))
            if isinstance(inner, Mapping):
                yield from _system_problems(manifest, root, inner, item, (*at, key))
    elif isinstance(value, Sequence):
        for index, item in enumerate(value):
            yield from _system_problems(manifest, root, schema.get("items", {}), item, (*at, index))


def resolved(root: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Lay a schema over the definition it refers to; templates refer to their own ``$defs`` only."""
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    return {**root.get("$defs", {}).get(name, {}), **schema} if name else schema


def _path_problem(manifest: Manifest, form: str, value: str, at: Pointer) -> Iterator[Finding]:
    if form == "absolute-path" and not _is_absolute(value, manifest.os):
        message = f"this is not an absolute path on {manifest.os}"
        advice = (
            f"Write it like {_EXAMPLE[manifest.os]}, without '.' and '..' and without a slash at the end."
        )
        yield _finding(manifest, "param-path", message, advice, at)
    if form == "inside-path" and manifest.os == "windows" and re.search(r'[<>:"|?*%]', value):
        message = "this cannot be the name of a file on Windows, or cannot be run there"
        yield _finding(manifest, "param-path", message, 'Avoid < > : " | ? * and %.', at)


def _written(manifest: Manifest) -> JSONValue:
    document = json.loads(manifest.source.text)
    installer = document.get("installer", {})
    written: JSONValue = installer.get("params") if isinstance(installer, dict) else None
    return written


def _is_absolute(path: str, os: Os) -> bool:
    parts = re.split(r"[/\\]" if os == "windows" else "/", path)
    return re.fullmatch(_ABSOLUTE[os], path) is not None and "." not in parts and ".." not in parts


def _finding(
    manifest: Manifest, rule: str, message: str, advice: str, at: Pointer, *, key: bool = False
) -> Finding:
    return manifest.source.finding(rule, "error", message, help=advice, pointer=at, key=key)
