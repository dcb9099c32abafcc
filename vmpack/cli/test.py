"""``vmpack test``: the VM on your desk."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from vmpack.cli.console import Console, pass_console
from vmpack.cli.options import json_option
from vmpack.errors import UsageError

if TYPE_CHECKING:
    from vmpack.vm.model import ScenarioResult, TestReport
    from vmpack.vm.running import Options

_SANDBOXES = ("auto", "root", "userns", "nspawn", "podman", "docker", "none")
_COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}


def _list_scenarios(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from vmpack.vm.scenarios import SCENARIOS

    console = ctx.find_object(Console) or Console.of_process()
    for scenario in SCENARIOS:
        console.result(f"{scenario.name:<24}{scenario.summary}")
    ctx.exit(0)


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "old",
    type=click.Path(path_type=Path),
    metavar="OLD_RELEASE",
    help="An older release of the same application, to update from.",
)
@click.option(
    "--scenario", "only", multiple=True, metavar="NAME", help="Play only this one. May be repeated."
)
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_scenarios,
    help="List the scenarios and what they are about.",
)
@click.option("-x", "--exitfirst", "stop_at_first", is_flag=True, help="Stop after the first failure.")
@click.option("--sandbox", type=click.Choice(_SANDBOXES), default="auto", show_default=True)
@click.option("--image", metavar="IMAGE", help="The image to start from, with podman or docker.")
@click.option("--network", is_flag=True, help="Let the sandbox reach the network.")
@click.option(
    "--keep", is_flag=True, help="Leave the sandboxes of failed scenarios, and tell how to enter them."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="When a command counts as hung.",
)
@click.option("--allow-skip", is_flag=True, help="End with 0 although no sandbox could be had.")
@click.option(
    "--junit",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write JUnit XML as well.",
)
@json_option
@pass_console
@click.pass_context
def command(
    ctx: click.Context,
    console: Console,
    release: Path,
    old: Path | None,
    only: tuple[str, ...],
    stop_at_first: bool,
    sandbox: str,
    image: str | None,
    network: bool,
    keep: bool,
    timeout: float,
    allow_skip: bool,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Run a release through the VM agent's behaviour on throw-away systems, and judge what it does.

    Ends with 0 when every scenario that applies passed, and with 6 when one failed or when nothing could be
    executed, unless --allow-skip is given. Windows releases are read, not executed.
    """
    from vmpack.release.report import load
    from vmpack.vm.running import Options, run_scenarios
    from vmpack.vm.telling import row

    found, older = load(release), load(old) if old else None
    if older and older.name != found.name:
        raise UsageError(
            f"--from gives {older.name}, not {found.name}", remedy="Give a release of the same name."
        )
    options = Options(
        None if sandbox == "auto" else sandbox,  # type: ignore[arg-type] # click.Choice has checked it
        image,
        network,
        keep,
        stop_at_first,
        only,
        timeout,
    )
    _announce(console, options)

    def observe(result: "ScenarioResult") -> None:
        if not as_json:
            console.result(
                row(result, click.style(f"{result.result:<8}", fg=_colour(console, result.result)))
            )

    report = run_scenarios(found, older, options, observe)
    if junit:
        from vmpack.vm.junit import junit as as_junit

        junit.write_bytes(as_junit(report))
    if as_json:
        console.json(report.as_json())
    else:
        _tell(console, report)
    _annotate(console, report, release)
    ctx.exit(_exit_code(report, allow_skip=allow_skip))


def _announce(console: Console, options: "Options") -> None:
    if options.kind == "none":
        console.warning(
            "--sandbox=none: every scenario runs on THIS machine, as root, and may leave it broken"
        )


def _tell(console: Console, report: "TestReport") -> None:
    from vmpack.vm.telling import failure, verdict

    for scenario in report.scenarios:
        if scenario.result == "failed" or scenario.kept:
            console.result("")
            for line in failure(scenario):
                console.result(line)
    console.result("")
    if report.sandbox_description:
        console.result(f"  sandbox: {report.sandbox_description}")
    for note in report.notes:
        console.result(f"  note: {note}")
    console.result(click.style(verdict(report), fg=_colour(console, report.result), bold=console.colour))


def _colour(console: Console, result: str) -> str | None:
    return _COLOURS[result] if console.colour else None


def _annotate(console: Console, report: "TestReport", release: Path) -> None:
    """Show failures where a CI service looks for them."""
    from vmpack.cli import annotations
    from vmpack.errors import VerificationError

    for scenario in report.scenarios:
        if scenario.result == "failed":
            hint = scenario.problems[0].hint if scenario.problems else ""
            error = VerificationError(
                f"{scenario.name}: {scenario.reason}", remedy=hint, where=str(release), rule="scenario"
            )
            for line in annotations.of_error(error, console.environment):
                click.echo(line, err=True)


def _exit_code(report: "TestReport", *, allow_skip: bool) -> int:
    if report.result == "passed" or (report.result == "skipped" and allow_skip):
        return 0
    return 6
