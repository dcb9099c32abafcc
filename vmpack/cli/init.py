"""``vmpack init``: a manifest that builds at once, and a folder to fill."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmpack.cli.console import Console, pass_console
from vmpack.errors import UsageError

if TYPE_CHECKING:
    from vmpack.installer.discovery import Template

_NOTE = "Replace me: everything in this folder is packed."
_GREETING = f"#!/bin/sh\n# {_NOTE}\necho 'hello from {{name}}'\n"
_GREETING_WINDOWS = f"@rem {_NOTE}\n@echo hello from {{name}}\n"
_SERVICE = f"""\
#!/bin/sh
# {_NOTE} systemd starts this, and ends it with SIGTERM.
trap 'exit 0' TERM
echo '{{name}} is up'
while :; do
    sleep 1 &
    wait "$!"
done
"""
_POWERSHELL = f"# {_NOTE}\nWrite-Output 'hello from {{name}}'\n"
_PROGRAM = "Put {path} here, a program that speaks to the service control manager: everything in this folder is packed.\n"
_TEXTS = {".ps1": _POWERSHELL, ".cmd": _GREETING_WINDOWS, ".bat": _GREETING_WINDOWS}


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
    document = _manifest(name, os_name, found)
    made = [manifest]
    if not (folder / "files").exists():
        made.append(_write_greeting(folder / "files", document))
    with manifest.open("x", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(document, indent=2) + "\n")
    for path in made:
        console.result(str(path))
    console.note(f"Next: vmpack build {folder}")


def _name_of(folder: Path) -> str:
    """Make an application name of the folder's: the platform allows letters, digits, dot, underscore, hyphen."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-._")
    return name or "app"


def _write_greeting(files: Path, document: dict[str, Any]) -> Path:
    """Write the file that the manifest's installer starts, or one that says hello."""
    path, text = _greeting(document)
    greeting = files / path
    greeting.parent.mkdir(parents=True)
    text = text.format(name=document["name"], path=path)
    if document["os"] == "windows":
        greeting.write_bytes(text.replace("\n", "\r\n").encode())
    else:
        greeting.write_bytes(text.encode())
        greeting.chmod(0o755)
    return greeting


def _greeting(document: dict[str, Any]) -> tuple[str, str]:
    template, params = document["installer"]["template"], document["installer"]["params"]
    if template == "systemd-service":
        return str(params["execStart"]), _SERVICE
    if template == "windows-service":
        return "README.txt", _PROGRAM.replace("{path}", str(params["executable"]))
    if template == "script":
        path = str(params["install"])
        return path, _TEXTS.get(Path(path).suffix, _GREETING)
    return ("hello.cmd", _GREETING_WINDOWS) if document["os"] == "windows" else ("hello.sh", _GREETING)


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
    params = {key: _example(schema["properties"][key], name, os_name) for key in schema.get("required", ())}
    if template.name == "script" and os_name == "windows":
        params["install"] = "install.ps1"
    return params


def _example(schema: dict[str, Any], name: str, os_name: str) -> Any:
    examples = [example for example in schema.get("examples", ()) if _fits(example, os_name)]
    value = examples[0] if examples else schema.get("default")
    return json.loads(json.dumps(value).replace("NAME", name))


def _fits(example: object, os_name: str) -> bool:
    looks_windows = isinstance(example, str) and bool(re.match(r"[A-Za-z]:\\|%", example))
    looks_posix = isinstance(example, str) and example.startswith("/")
    return not looks_posix if os_name == "windows" else not looks_windows
