"""A new template: the smallest that is right, to start from."""

import json
import re
from pathlib import Path

from vmpack.errors import UsageError
from vmpack.installer.discovery import ENGINE, Template, load
from vmpack.installer.testing import try_template

_HEADER = """\
#!/bin/sh
# @ACTION@ of {{ (app.name ~ " " ~ app.version) | comment }}.
# shellcheck disable=SC1090,SC1091
set -eu
LIFECYCLE=$(CDPATH='' cd "$(dirname "$0")" && pwd -P)
. "$LIFECYCLE/app.sh"
"""
_RUN = (
    _HEADER
    + """\
. "$LIFECYCLE/steps.sh"
. "$LIFECYCLE/core.sh"
close_descriptors "$@"
for part in unpack kinds change releases; do
    . "$LIFECYCLE/$part.sh"
done

begin @ACTION@ "$@"
put_in_place
exit 0
"""
)
_REMOVE = (
    _HEADER
    + """\
. "$LIFECYCLE/core.sh"
close_descriptors "$@"
. "$LIFECYCLE/kinds.sh"
. "$LIFECYCLE/change.sh"

begin remove
undo_everything
free_old_downloads
exit 0
"""
)
_STEPS = """\
# shellcheck shell=sh disable=SC2034
# The parameters of the installer, and its steps.

DESTINATION={{ params.destination }}
OWNER=root
GROUP=root
KEEP_RELEASES=1

put_in_place() {
    # First whatever may be missing, before anything is changed.
    find_decoder
    persist_lifecycle
    check_destination
    # From here on a failure rolls back.
    begin_change
    unpack_release
    switch_release
    run_checks || fail 32 "a check failed"
    commit
    drop_releases "$KEEP_RELEASES"
    free_old_downloads
}
"""
_README = """\
# @NAME@

Unpacks the payload to a folder. Say here what else this installer does.

## Parameters

| parameter | value | default | |
|---|---|---|---|
| `destination` | text | required | Where the application is found after install. |
"""
_PARAMS = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["destination"],
    "properties": {
        "destination": {
            "type": "string",
            "format": "absolute-path",
            "description": "Where the application is found after install.",
            "examples": ["/opt/NAME"],
        }
    },
}


def write_starter(folder: Path) -> Template:
    """Write a minimal good template into ``folder``, whose name becomes its name, with its golden files.

    Raises UsageError for a name that no template may have, and when the folder holds anything.
    """
    name = folder.resolve().name
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name):
        raise UsageError(
            f"no template can be called {name!r}",
            remedy="Use lower-case letters, digits and hyphens; the folder's name is the template's.",
        )
    if folder.exists() and any(folder.iterdir()):
        raise UsageError("the folder is not empty", remedy="Nothing was changed.", where=folder)
    for path, text in _files(name).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8", newline="\n")
    template = load(folder, str(folder))
    try_template(template, update=True)
    return template


def _files(name: str) -> dict[str, str]:
    definition = {
        "engine": ENGINE,
        "name": name,
        "version": "1.0.0",
        "summary": "Unpacks the payload to a folder.",
        "os": ["linux"],
        "library": {
            "linux": ["unpack.sh", "decode.py", "kinds.sh", "change.sh", "releases.sh"],
        },
    }
    case = {"os": "linux", "params": {"destination": "/opt/hello"}}
    return {
        "template.json": json.dumps(definition, indent=2) + "\n",
        "params.schema.json": json.dumps(_PARAMS, indent=2) + "\n",
        "README.md": _README.replace("@NAME@", name),
        "linux/steps.sh.j2": _STEPS,
        "linux/install.sh.j2": _RUN.replace("@ACTION@", "install"),
        "linux/update.sh.j2": _RUN.replace("@ACTION@", "update"),
        "linux/remove.sh.j2": _REMOVE.replace("@ACTION@", "remove"),
        "tests/minimal/case.json": json.dumps(case, indent=2) + "\n",
    }
