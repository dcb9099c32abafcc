"""``vmpack template``: list, show, make and test installer templates."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmpack.cli.console import Console, pass_console
from vmpack.cli.options import json_option, templates_option

if TYPE_CHECKING:
    from vmpack.installer.describe import Parameter
    from vmpack.installer.discovery import Template
    from vmpack.installer.testing import Result


@click.group()
def command() -> None:
    """List, show, make and test installer templates. docs/installers.md says how to write one."""


@command.command("list")
@templates_option
@json_option
@pass_console
def list_templates(console: Console, template_dirs: tuple[Path, ...], as_json: bool) -> None:
    """List the templates that can be named, where each comes from, and which are hidden by another of that name.

    Templates in the folder ``templates`` here are among them.
    """
    from vmpack.installer.discovery import everything

    found = everything((*template_dirs, Path("templates")))
    winners: dict[str, Template] = {}
    for template in found:
        winners.setdefault(template.name, template)
    if as_json:
        rows = [_facts(template) | {"shadowed": winners[template.name] is not template} for template in found]
        console.json({"schemaVersion": 1, "templates": rows})
        return
    width = max(len(template.name) for template in found)
    for template in found:
        winner = winners[template.name]
        shadow = "" if winner is template else f", hidden by the one in {winner.origin}"
        systems = ", ".join(template.os)
        console.result(f"{template.name:<{width}}  {template.summary} ({systems}; {template.origin}{shadow})")


@command.command("show")
@click.argument("name")
@templates_option
@json_option
@pass_console
def show(console: Console, name: str, template_dirs: tuple[Path, ...], as_json: bool) -> None:
    """Show the template NAME: what it does, what it needs, and its parameters."""
    from vmpack.installer import find
    from vmpack.installer.describe import parameters

    template = find(name, (*template_dirs, Path("templates")))
    rows = parameters(template.params_schema)
    if as_json:
        console.json({"schemaVersion": 1, **_facts(template), "params": template.params_schema})
        return
    console.result(f"{template.name} {template.version}".rstrip())
    console.result(f"{template.summary} For {' and '.join(template.os)}; {template.origin}.")
    for os_name, programs in template.requires.items():
        console.result(f"Needs on {os_name}: {', '.join(programs)}.")
    console.result("")
    for line in _table(rows):
        console.result(line)


@command.command("test")
@click.argument(
    "folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@click.option(
    "--update", is_flag=True, help="Rewrite the golden files in expected/ instead of comparing them."
)
@json_option
@pass_console
@click.pass_context
def test(ctx: click.Context, console: Console, folder: Path, update: bool, as_json: bool) -> None:
    """Test the template in DIR, or every template in DIR, with the cases that it brings.

    Golden files are compared, the syntax of every script is checked, and hostile text is put in each parameter.
    Ends with 6 when a check fails or a template has no case.
    """
    from vmpack.installer.testing import try_template

    results = {template.name: try_template(template, update=update) for template in _templates_in(folder)}
    empty = [name for name, found in results.items() if not found]
    failed = empty or any(result.verdict == "failed" for found in results.values() for result in found)
    if as_json:
        rows = [_verdict(name, result) for name, found in results.items() for result in found]
        console.json({"schemaVersion": 1, "result": "failed" if failed else "passed", "checks": rows})
    else:
        _tell(console, results)
    if empty:
        console.warning(
            f"without a case, which proves nothing: {', '.join(empty)}; write tests/NAME/case.json"
        )
    ctx.exit(6 if failed else 0)


@command.command("new")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@pass_console
def new(console: Console, folder: Path) -> None:
    """Start a template in DIR, whose name becomes its name: a small one that passes `vmpack template test`."""
    from vmpack.installer.starter import write_starter

    write_starter(folder)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            console.result(str(path))
    console.note(f"Next: vmpack template test {folder}")


def _facts(template: "Template") -> dict[str, Any]:
    return {
        "name": template.name,
        "version": template.version,
        "summary": template.summary,
        "os": list(template.os),
        "origin": template.origin,
    }


def _table(rows: "tuple[Parameter, ...]") -> list[str]:
    cells = [
        (row.name, row.value.replace("`", ""), "required" if row.required else row.default) for row in rows
    ]
    widths = [max((len(cell[column]) for cell in cells), default=0) for column in range(3)]
    widths[1] = min(widths[1], 24)  # a long choice runs over rather than push all descriptions away
    return [
        "  ".join(text.ljust(width) for text, width in zip(cell, widths, strict=True))
        + f"  {row.description}"
        for cell, row in zip(cells, rows, strict=True)
    ]


def _templates_in(folder: Path) -> "list[Template]":
    from vmpack.errors import UsageError
    from vmpack.installer.discovery import DEFINITION, load

    folder = folder.resolve()
    roots = [folder] if (folder / DEFINITION).is_file() else sorted(folder.iterdir())
    found = [load(root, str(root)) for root in roots if (root / DEFINITION).is_file()]
    if not found:
        raise UsageError(
            "there is no template here", remedy=f"A template is a folder with a {DEFINITION}.", where=folder
        )
    return found


def _verdict(name: str, result: "Result") -> dict[str, str]:
    return {
        "template": name,
        "case": result.case,
        "check": result.check,
        "result": result.verdict,
        "message": result.message,
    }


def _tell(console: Console, results: "dict[str, tuple[Result, ...]]") -> None:
    for name, found in results.items():
        for result in found:
            reason = f"  {result.message}" if result.message else ""
            console.result(f"{result.verdict:<8}  {name}  {result.case}  {result.check}{reason}")
    counts = [result.verdict for found in results.values() for result in found]
    said = [f"{counts.count(word)} {word}" for word in ("passed", "failed", "skipped") if word in counts]
    console.result(", ".join(said) or "nothing tested")
