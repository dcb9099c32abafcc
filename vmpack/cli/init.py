"""``vmpack init``: a manifest that builds at once, and a folder to fill."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmpack.cli.console import Console, pass_console
from vmpack.errors import UsageError

if TYPE_CHECKING:
    from vmpack.installer.find import Template

_GREETING = "#!/bin/sh\n# Replace me: everything in this folder is packed.\necho 'hello from {name}'\n"
_GREETING_WINDOWS = "@rem Replace me: everything in this folder is packed.\r\n@echo hello from {name}\r\n"


@click.command()
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--installer",
    "template",
    default="archive",
    show_default=True,
    help="The installer template to start from.",
)
@click.option("--os", "os_name", type=click.Choice(["linux", "windows"]), default="linux", show_default=True)
@click.option("--name", help="The application's name; the folder's name by default.")
@pass_console
def command(console: Console, folder: Path, template: str, os_name: str, name: str | None) -> None:
    """Start an application in DIR: vmapp.json and files/. Nothing that exists is overwritten."""
    from vmpack import installer

    found = installer.find(template)
    if os_name not in found.os:
        raise UsageError(
            f"the installer {template} does not support {os_name}",
            remedy=f"It supports {' and '.join(found.os)}.",
        )
    name = name or _name_of(folder)
    manifest = folder / "vmapp.json"
    if manifest.exists():
        raise UsageError("a manifest is there already", remedy="Nothing was changed.", where=manifest)
    folder.mkdir(parents=True, exist_ok=True)
    made = [manifest]
    if not (folder / "files").exists():
        made.append(_write_greeting(folder / "files", name, os_name))
    with manifest.open("x", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(_manifest(name, os_name, found), indent=2) + "\n")
    for path in made:
        console.result(str(path))
    console.note(f"Next: vmpack build {folder}")


def _name_of(folder: Path) -> str:
    """Make an application name of the folder's: the platform allows letters, digits, dot, underscore, hyphen."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-._")
    return name or "app"


def _write_greeting(files: Path, name: str, os_name: str) -> Path:
    files.mkdir()
    if os_name == "windows":
        greeting = files / "hello.cmd"
        greeting.write_bytes(_GREETING_WINDOWS.format(name=name).encode())
    else:
        greeting = files / "hello.sh"
        greeting.write_bytes(_GREETING.format(name=name).encode())
        greeting.chmod(0o755)
    return greeting


def _manifest(name: str, os_name: str, template: "Template") -> dict[str, Any]:
    return {
        "name": name,
        "version": "1.0.0",
        "os": os_name,
        "description": f"{name}, installed by vmpack",
        "payload": {"root": "files"},
        "installer": {"template": template.name, "params": _starting_params(template, name, os_name)},
        "location": "westeurope",
        "targetRegions": [{"name": "westeurope", "regionalReplicaCount": 1}],
    }


def _starting_params(template: "Template", name: str, os_name: str) -> dict[str, Any]:
    """Give every required parameter its first example that fits the system, with ``NAME`` made the app's name."""
    schema = template.params_schema
    return {key: _example(schema["properties"][key], name, os_name) for key in schema.get("required", ())}


def _example(schema: dict[str, Any], name: str, os_name: str) -> Any:
    examples = [example for example in schema.get("examples", ()) if _fits(example, os_name)]
    value = examples[0] if examples else schema.get("default")
    return json.loads(json.dumps(value).replace("NAME", name))


def _fits(example: object, os_name: str) -> bool:
    looks_windows = isinstance(example, str) and bool(re.match(r"[A-Za-z]:\\|%", example))
    looks_posix = isinstance(example, str) and example.startswith("/")
    return not looks_posix if os_name == "windows" else not looks_windows
