"""``vmpack explain``: what Azure's status says, in plain words."""

from typing import IO

import click

from vmpack.cli.console import Console, pass_console
from vmpack.cli.options import json_option

_COLOURS = {"good": "green", "bad": "red", "uncertain": "yellow"}
_SIGNS = {"good": "ok ", "bad": "BAD", "uncertain": "?  "}


@click.command(epilog="For example: az vm get-instance-view -g GROUP -n VM | vmpack explain -")
@click.argument("source", type=click.File("r", encoding="utf-8-sig", errors="replace"), metavar="FILE|-")
@json_option
@pass_console
def command(console: Console, source: IO[str], as_json: bool) -> None:
    """Say what happened, why, and what to do: of a status message, a VmAppExt log or an instance view."""
    from vmpack.vm.explain import explain

    told = explain(source.read())
    if as_json:
        console.json({"schemaVersion": 1, "explanations": [one.as_json() for one in told]})
        return
    for one in told:
        sign = (
            click.style(_SIGNS[one.verdict], fg=_COLOURS[one.verdict])
            if console.colour
            else _SIGNS[one.verdict]
        )
        console.result(f"{sign} {one.about}: {one.what}")
        for word, text in (("why", one.why), ("do", one.todo)):
            if text:
                console.result(click.wrap_text(text, 100, f"      {word:<4} ", " " * 11))
