"""The reference pages, made from the schema and the rules, so that they cannot go stale (tests compare them)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from string import Formatter
from typing import Any

from vmpack.manifest.rules import Rule


def manifest_page(schema: Mapping[str, Any]) -> str:
    """Give ``docs/manifest.md``: every property with type, default words and example."""
    lines = [
        "# The manifest `vmapp.json`",
        "",
        "Made from `schemas/vmapp.schema.json`; change that, not this.",
        "",
    ]
    lines += [str(schema["description"]), ""]
    lines += ["Required: `name`, `version`, `os`, and exactly one of `installer` and `actions`.", ""]
    lines += ["```json", json.dumps(schema["examples"][0], indent=2), "```", ""]
    for path, owner, each in _walk(schema, schema, ""):
        mark = " (required)" if path.rsplit(".", 1)[-1] in owner.get("required", ()) else ""
        lines += [f"## `{path}`{mark}", "", f"{_kind(each, schema)}. {each['description']}", ""]
        examples = ", ".join(f"`{json.dumps(example, ensure_ascii=False)}`" for example in each["examples"])
        lines += [f"Example: {examples}" if len(each["examples"]) == 1 else f"Examples: {examples}", ""]
    return "\n".join(lines)


def rules_page(chapters: Mapping[str, Iterable[Rule]]) -> str:
    """Give ``docs/rules.md``: every rule id with severity, message and remedy."""
    lines = ["# Rules", "", "Made from the tables of rules in the source; change those, not this.", ""]
    lines += ["Words in braces are filled in. Errors stop a build, warnings do not.", ""]
    for title, rules in chapters.items():
        lines += [f"## {title}", ""]
        for rule in rules:
            message, remedy = _plain(rule.message), _plain(rule.remedy)
            lines += [f"### {rule.id}", "", f"{rule.severity}: {message}", "", f"Remedy: {remedy}", ""]
    return "\n".join(lines)


def _plain(words: str) -> str:
    """Write a template for str.format as people read it: ``{size}`` for ``{size:,}``, ``{`` for ``{{``."""
    parts = Formatter().parse(words)
    return "".join(text + (f"{{{name}}}" if name is not None else "") for text, name, _, _ in parts)


def _walk(
    schema: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    for name, each in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        yield here, schema, each
        whole = _resolved(each, root)
        yield from _walk(whole, root, here)
        yield from _walk(_resolved(whole.get("items", {}), root), root, f"{here}[]")


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    return {**root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], **schema}


def _kind(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    whole = _resolved(schema, root)
    if "enum" in whole:
        return "One of " + ", ".join(f"`{choice}`" for choice in whole["enum"])
    names = {"integer": "Whole number", "boolean": "True or false", "array": "List", "object": "Object"}
    kind = names.get(whole["type"], "String")
    if "minimum" in whole:
        kind += f" from {whole['minimum']} to {whole['maximum']}"
    return kind
