"""``vmpack doctor``: what works on this machine, and what is missing."""

import click

from vmpack.cli.console import Console, pass_console
from vmpack.cli.options import json_option


@click.command()
@json_option
@pass_console
def command(console: Console, as_json: bool) -> None:
    """Tell which sandboxes work here, which tools and libraries are there, and what to do about the rest.

    Changes nothing and always ends with 0.
    """
    from vmpack.vm.doctor import diagnose

    found = diagnose()
    if as_json:
        console.json({"schemaVersion": 1, "checks": [item.as_json() for item in found]})
        return
    group = ""
    for item in found:
        if item.group != group:
            group = item.group
            console.result(click.style(group, bold=console.colour))
        word = "yes" if item.works else "no "
        colour = ("green" if item.works else "yellow") if console.colour else None
        console.result(f"  {click.style(word, fg=colour)} {item.name:<24} {item.reason}")
        if item.remedy and not item.works:
            console.result(f"      {'':<24} {item.remedy}")
