"""``vmpack validate``: every problem of every manifest at once."""

from collections.abc import Mapping
from pathlib import Path

import click

from vmpack.cli.console import Console, pass_console
from vmpack.cli.options import json_option, manifests_argument, set_option, templates_option, today
from vmpack.errors import ManifestError
from vmpack.findings import Finding, has_errors


@click.command()
@manifests_argument
@set_option
@templates_option
@json_option
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@pass_console
@click.pass_context
def command(
    ctx: click.Context,
    console: Console,
    paths: tuple[Path, ...],
    variables: Mapping[str, str],
    template_dirs: tuple[Path, ...],
    as_json: bool,
    strict: bool,
) -> None:
    """Check manifests by the JSON Schema and by the rules the platform would reject them by.

    PATH is a vmapp.json or a folder that holds one; the current folder by default.
    """
    checked = [(path, findings_of(path, variables, template_dirs)) for path in paths or (Path(),)]
    findings = [finding for _, found in checked for finding in found]
    console.findings(findings, to_stdout=not as_json)
    if as_json:
        console.json({"schemaVersion": 1, "findings": [finding.as_json() for finding in findings]})
    else:
        for path, found in checked:
            console.result(f"{path}: {_verdict(found)}")
    ctx.exit(3 if has_errors(findings) or (strict and findings) else 0)


def findings_of(
    path: Path, variables: Mapping[str, str], template_dirs: tuple[Path, ...] = ()
) -> tuple[Finding, ...]:
    """Give everything that is wrong with one manifest, and with the parameters of its installer."""
    from vmpack.release.check import findings, read

    try:
        wanted = read(path, variables, today=today(), template_dirs=template_dirs)
        return findings(wanted, today=today(), template_dirs=template_dirs)
    except ManifestError as error:
        return error.findings or (Finding(error.rule, "error", str(error), file=str(path)),)


def _verdict(findings: tuple[Finding, ...]) -> str:
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    counts = [
        f"{n} {word}{'s' if n > 1 else ''}" for n, word in ((errors, "error"), (warnings, "warning")) if n
    ]
    if errors:
        return ", ".join(counts)
    return f"ok ({', '.join(counts)})" if counts else "ok"
