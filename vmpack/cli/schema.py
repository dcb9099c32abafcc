"""``vmpack schema``: what an editor needs to complete and check a vmapp.json."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmpack import resources
from vmpack.cli.console import Console, pass_console
from vmpack.cli.options import templates_option

if TYPE_CHECKING:
    from vmpack.installer.discovery import Template


@click.command()
@click.option("--plain", is_flag=True, help="Leave out the parameters of the installers found here.")
@templates_option
@pass_console
def command(console: Console, plain: bool, template_dirs: tuple[Path, ...]) -> None:
    """Print the JSON Schema of vmapp.json, with the names and parameters of every installer that is found.

    Save it beside your manifest and name it there: "$schema": "./vmapp.schema.json". Templates in the folder
    ``templates`` here are among them.
    """
    from vmpack import installer

    schema = json.loads(resources.schemas().joinpath("vmapp.schema.json").read_text("utf-8"))
    console.json(
        schema if plain else composed(schema, installer.available((*template_dirs, Path("templates"))))
    )


def composed(schema: dict[str, Any], templates: "Sequence[Template]") -> dict[str, Any]:
    """Give the schema with these installers' names to choose from, and each one's parameters where it is named."""
    own = schema["properties"]["installer"]
    members = own["properties"]
    choice = {
        **members["template"],
        "enum": [template.name for template in templates],
        # Not JSON Schema's: editors show it beside each name (VS Code, and what is built on its language service).
        "enumDescriptions": [
            f"{template.summary} For {' and '.join(template.os)}." for template in templates
        ],
    }
    # Editors complete a property from the branch that applies, so the conditions stand where `params` does.
    conditions = [
        {
            "if": {"properties": {"template": {"const": template.name}}, "required": ["template"]},
            "then": {"properties": {"params": {"$ref": _place(template)}}, **_demanded(template)},
        }
        for template in templates
    ]
    installer = {**own, "properties": {**members, "template": choice}, "allOf": conditions}
    parameters = {f"{template.name}-params": _embedded(template) for template in templates}
    return {
        **schema,
        "properties": {**schema["properties"], "installer": installer},
        "$defs": {**schema["$defs"], **parameters},
    }


def _demanded(template: "Template") -> dict[str, Any]:
    """Demand `params` itself where the template has a parameter without a default."""
    return {"required": ["params"]} if template.params_schema.get("required") else {}


def _place(template: "Template") -> str:
    return f"#/$defs/{template.name}-params"


def _embedded(template: "Template") -> dict[str, Any]:
    """Give a template's schema as a part of another one: its references start from its new place."""
    schema = {key: value for key, value in template.params_schema.items() if key not in ("$schema", "$id")}
    rebased: dict[str, Any] = _rebased(schema, _place(template))
    return rebased


def _rebased(value: Any, place: str) -> Any:
    if isinstance(value, list):
        return [_rebased(item, place) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: place + item[1:]
        if key == "$ref" and isinstance(item, str) and item.startswith("#")
        else _rebased(item, place)
        for key, item in value.items()
    }
