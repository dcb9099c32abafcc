"""A template's parameters as rows of a table, from its schema: for the README and for ``vmpack template show``."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from vmpack.installer.params import resolved
from vmpack.values import dataclass

_WORDS = {"string": "text", "integer": "number", "boolean": "true/false", "array": "list", "object": "object"}
_SYSTEMS = {"linux": "Linux", "windows": "Windows"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row: a parameter, or a member of an object parameter under its dotted name."""

    name: str
    value: str
    """What kind of value it takes, in words."""
    required: bool
    default: str
    """As JSON; empty when there is none."""
    description: str
    """With the system in brackets when the parameter is for one only."""


def parameters(schema: Mapping[str, Any]) -> tuple[Parameter, ...]:
    """Give every parameter of a template's schema, in the schema's order, members behind their object."""
    return tuple(_rows(schema, schema, ""))


def markdown_table(schema: Mapping[str, Any]) -> str:
    """Give the parameters as a Markdown table, for a template's README."""
    lines = ["| parameter | value | default | |", "|---|---|---|---|"]
    for row in parameters(schema):
        default = "required" if row.required else f"`{row.default}`" if row.default else ""
        cells = (f"`{row.name}`", row.value, default, row.description)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def with_table(readme: str, schema: Mapping[str, Any]) -> str:
    """Give a README with the table under its heading "Parameters" made anew."""
    pattern = re.compile(r"(?<=^## Parameters\n\n)\|.*?\n(?=\Z|[^|])", re.DOTALL | re.MULTILINE)
    return pattern.sub(lambda _: markdown_table(schema), readme, count=1)


def _rows(root: Mapping[str, Any], schema: Mapping[str, Any], prefix: str) -> Iterator[Parameter]:
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        member = resolved(root, inner)
        system = f"({_SYSTEMS.get(member.get('x-os', ''), '')})"
        told = member.get("description", "")
        yield Parameter(
            prefix + name,
            _value(root, member),
            name in required,
            json.dumps(member["default"], ensure_ascii=False) if "default" in member else "",
            told if system == "()" or system in told else f"{told} {system}",
        )
        yield from _rows(root, member, f"{prefix}{name}.")


def _value(root: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    for key in ("oneOf", "anyOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_value(root, resolved(root, one)) for one in schema[key]))
    kinds = schema.get("type", "string")
    return " or ".join(_WORDS.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))
