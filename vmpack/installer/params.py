"""A template's parameters: checked by its schema, completed by its defaults."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from vmpack.errors import TemplateError
from vmpack.findings import Finding
from vmpack.installer.discovery import Template, find
from vmpack.manifest.model import Manifest
from vmpack.manifest.schema import problems
from vmpack.manifest.suggest import did_you_mean
from vmpack.types import JSONValue, Os, Pointer

if TYPE_CHECKING:
    from vmpack.content.model import Content

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
        yield from _system_problems(manifest, template.params_schema, params)


def _system_problems(
    manifest: Manifest, root: Mapping[str, Any], params: Mapping[str, Any]
) -> Iterator[Finding]:
    """Hold values against the manifest's system: what its schema marks as a path, or as being for one system."""
    for schema, value, at in _marked(root, root, params, POINTER, manifest.os):
        if schema.get("x-os", manifest.os) != manifest.os:
            yield _finding(
                manifest, "param-os", f"this parameter is for {schema['x-os']} only", "", at, key=True
            )
        elif isinstance(value, str):
            yield from _path_problem(manifest, schema.get("format", ""), value, at)


def _marked(
    root: Mapping[str, Any], schema: Mapping[str, Any], value: Any, at: Pointer, os: Os
) -> Iterator[tuple[Mapping[str, Any], Any, Pointer]]:
    """Give every value with the schema that speaks of it; what is for another system is not entered."""
    schema = resolved(root, schema)
    yield schema, value, at
    if schema.get("x-os", os) != os:
        return
    if isinstance(value, Mapping):
        names = schema.get("propertyNames", {})
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            yield from _marked(root, names, key, (*at, key), os)
            if isinstance(inner, Mapping):
                yield from _marked(root, inner, item, (*at, key), os)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _marked(root, schema.get("items", {}), item, (*at, index), os)


def missing_files(
    manifest: Manifest, content: "Content", *, template_dirs: Sequence[Path] = ()
) -> tuple[Finding, ...]:
    """Give every parameter that names a file of the payload which is not packed; the VM would be the first to tell."""
    if manifest.installer is None:
        return ()
    schema = find(manifest.installer.template, search_path(manifest, template_dirs)).params_schema
    marked = _marked(schema, schema, manifest.installer.params, POINTER, manifest.os)
    named = [
        (value, at)
        for inner, value, at in marked
        if inner.get("format") == "inside-path" and isinstance(value, str)
    ]
    return tuple(_missing(manifest, content, named)) if named else ()


def _missing(
    manifest: Manifest, content: "Content", named: Sequence[tuple[str, Pointer]]
) -> Iterator[Finding]:
    fold = str.casefold if manifest.os == "windows" else str
    packed = {fold(entry.path) for entry in content.entries}
    links = {fold(entry.path) for entry in content.entries if entry.kind == "symlink"}
    for value, at in named:
        path = PurePosixPath(fold(value.replace("\\", "/") if manifest.os == "windows" else value))
        behind_a_link = any(str(parent) in links for parent in path.parents)
        if str(path) not in packed and not behind_a_link:
            advice = did_you_mean(value, (entry.path for entry in content.entries))
            advice = advice.strip() or "Put it into the payload, or name another."
            yield _finding(manifest, "param-file", "the payload has no such file", advice, at)


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
