"""``vmpack verify``: prove a release."""

from collections.abc import Mapping
from pathlib import Path

import click

from vmpack.cli.console import Console, pass_console
from vmpack.cli.options import assemble, build_options, json_option, set_option


@click.command()
@click.argument("release", type=click.Path(path_type=Path))
@click.option(
    "--rebuild",
    "source",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Build this manifest again, without the cache, and compare every byte.",
)
@set_option
@build_options
@json_option
@pass_console
@click.pass_context
def command(
    ctx: click.Context,
    console: Console,
    release: Path,
    source: Path | None,
    variables: Mapping[str, str],
    template_dirs: tuple[Path, ...],
    no_cache: bool,  # noqa: ARG001 - a rebuild never uses the cache; the option is accepted for scripts
    as_json: bool,
) -> None:
    """Check every digest, limit and statement of a release folder; with --rebuild also its reproducibility."""
    from vmpack import manifest
    from vmpack.release.report import load
    from vmpack.release.verify import rebuild, verify

    found = load(release)
    findings = list(verify(found))
    if source is not None:
        options = assemble(Path(), template_dirs, no_cache=True)
        with console.progress() as progress:
            findings += rebuild(found, manifest.load(source, variables), options, progress)
    console.findings(findings, to_stdout=not as_json)
    if as_json:
        console.json({"schemaVersion": 1, "findings": [finding.as_json() for finding in findings]})
    elif not findings:
        proved = ", rebuilt byte for byte" if source is not None else ""
        console.result(f"{found.name} {found.version}: ok ({found.package.sha256}{proved})")
    ctx.exit(6 if findings else 0)
