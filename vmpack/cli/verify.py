"""``vmpack verify``: prove a release."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

from vmpack.cli.console import Console, pass_console
from vmpack.cli.options import assemble, build_options, json_option, set_option
from vmpack.cli.storage import destination_options, remote_findings
from vmpack.errors import VerificationError
from vmpack.findings import Finding


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option(
    "--rebuild",
    "source",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Build this manifest again, without the cache, and compare every byte.",
)
@click.option(
    "--remote",
    is_flag=True,
    help="Compare the published blobs too: in --container, else where the receipt says.",
)
@click.option("--read-all", is_flag=True, help="With --remote: fetch and hash every byte of the blobs.")
@destination_options
@set_option
@build_options
@json_option
@pass_console
@click.pass_context
def command(
    ctx: click.Context,
    console: Console,
    /,
    release: Path,
    source: Path | None,
    remote: bool,
    read_all: bool,
    variables: Mapping[str, str],
    template_dirs: tuple[Path, ...],
    no_cache: bool,  # noqa: ARG001 - a rebuild never uses the cache; the option is accepted for scripts
    as_json: bool,
    **storage: Any,
) -> None:
    """Check every digest, limit and statement of a release folder.

    With --rebuild also its reproducibility, with --remote also the blobs that were published from it.
    """
    from vmpack.release.check import read
    from vmpack.release.report import load
    from vmpack.release.verify import rebuild, verify

    try:
        found = load(release)
    except VerificationError as error:
        if not as_json:
            raise
        _conclude(ctx, console, [_as_finding(error)], as_json=True)
    findings = list(verify(found))
    if source is not None:
        options = assemble(Path(), template_dirs, no_cache=True)
        wanted = read(source, variables, today=options.today, template_dirs=template_dirs)
        with console.progress() as progress:
            findings += rebuild(found, wanted, options, progress)
    if remote or read_all:
        findings += remote_findings(console, found, storage, read=read_all)
    if not findings and not as_json:
        proved = ", rebuilt byte for byte" if source is not None else ""
        proved += ", published as it is" if remote or read_all else ""
        console.result(f"{found.name} {found.version}: ok ({found.package.sha256}{proved})")
    _conclude(ctx, console, findings, as_json=as_json)


def _conclude(ctx: click.Context, console: Console, findings: list[Finding], *, as_json: bool) -> NoReturn:
    console.findings(findings, to_stdout=not as_json)
    if as_json:
        console.json({"schemaVersion": 1, "findings": [finding.as_json() for finding in findings]})
    ctx.exit(VerificationError.exit_code if findings else 0)


def _as_finding(error: VerificationError) -> Finding:
    """Tell a folder that is no release at all the way every other fault of a release is told."""
    return Finding(error.rule, "error", error.what, f"{error.why} {error.remedy}".strip(), error.where)
