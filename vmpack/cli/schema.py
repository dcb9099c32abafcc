"""``vmpack schema``: what an editor needs to complete and check a vmapp.json."""

import json
from typing import Any

import click

from vmpack import resources
from vmpack.cli.console import Console, pass_console


@click.command()
@click.option("--plain", is_flag=True, help="Leave out the parameters of the installers found here.")
@pass_console
def command(console: Console, plain: bool) -> None:
    """Print the JSON Schema of vmapp.json, with the parameters of every installer that is found.

    Save it beside your manifest and name it there: "$schema": "./vmapp.schema.json".
    """
    schema = json.loads(resources.schemas().joinpath("vmapp.schema.json").read_text("utf-8"))
    console.json(schema if plain else composed(schema))


def composed(schema: dict[str, Any]) -> dict[str, Any]:
    """Give the schema with each installer's parameters demanded where that installer is named."""
    from vmpack import installer

    conditions = [
        {
            "if": {
                "properties": {
                    "installer": {
                        "properties": {"template": {"const": template.name}},
                        "required": ["template"],
                    }
                },
                "required": ["installer"],
            },
            "then": {
                "properties": {"installer": {"properties": {"params": _embedded(template.params_schema)}}}
            },
        }
        for template in installer.available()
    ]
    return {**schema, "allOf": [*schema.get("allOf", []), *conditions]}


def _embedded(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in ("$schema", "$id")}
