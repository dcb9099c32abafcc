"""``vmpack build``: manifests in, releases out."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from vmpack.cli import annotations, failure
from vmpack.cli.console import Console, human_size, pass_console
from vmpack.cli.options import (
    assemble,
    build_options,
    build_records,
    json_option,
    manifests_argument,
    set_option,
    today,
)
from vmpack.errors import UsageError, VmpackError

if TYPE_CHECKING:
    from vmpack.release.again import Asked, Record
    from vmpack.release.built import Artifact, Built


class _Outcome(NamedTuple):
    built: "Built"
    seconds: float


@click.command()
@manifests_argument
@click.option(
    "-o",
    "--output",
    "dist",
    default="dist",
    type=click.Path(path_type=Path),
    help="Where releases go.",
    show_default=True,
)
@set_option
@build_options
@json_option
@pass_console
@click.pass_context
def command(
    ctx: click.Context,
    console: Console,
    paths: tuple[Path, ...],
    dist: Path,
    variables: Mapping[str, str],
    template_dirs: tuple[Path, ...],
    no_cache: bool,
    as_json: bool,
) -> None:
    """Build releases: DIST/NAME/VERSION with package, config, version.json, build.json and SHA256SUMS.

    PATH is a vmapp.json or a folder that holds one; the current folder by default. With several, each is built
    and reported, and the worst exit code is the result. SOURCE_DATE_EPOCH sets the time of every packed file.
    """
    from vmpack.release.again import Asked

    results: list[_Outcome] = []
    errors: list[tuple[Path, VmpackError]] = []
    for path in paths or (Path(),):
        try:
            asked = Asked(path, dist, variables, console.environment, template_dirs, today())
            results.append(_build_one(console, asked, results, use_cache=not no_cache))
        except (VmpackError, OSError) as error:
            told = failure.of_system(error, where=dist) if isinstance(error, OSError) else error
            console.error(told)
            errors.append((path, told))
        else:
            if not as_json:
                _report(console, results[-1])
    if as_json:
        console.json(_document(results, errors))
    try:
        _tell_ci(console, results)
    except OSError as error:
        console.warning(f"outputs and summary did not reach the CI service: {error}")
    ctx.exit(max((error.exit_code for _, error in errors), default=0))


def _build_one(console: Console, asked: "Asked", earlier: list[_Outcome], *, use_cache: bool) -> _Outcome:
    """Build, unless the very same build was done before and everything it read and wrote still stands."""
    from vmpack.release.again import Record

    began = time.monotonic()
    record = Record(build_records(), asked) if use_cache else None
    built = record.recall() if record else None
    if built is None:
        built = _really_build(console, asked, earlier, record)
    else:
        _refuse_twice(built.name, built.version, asked.manifest, earlier)
        console.note(f"{built.name} {built.version} for {built.os}: nothing changed since it was built")
    console.findings(built.warnings)
    return _Outcome(built, time.monotonic() - began)


def _really_build(
    console: Console, asked: "Asked", earlier: list[_Outcome], record: "Record | None"
) -> "Built":
    from vmpack.release.build import build
    from vmpack.release.check import read

    options = assemble(asked.dist, asked.template_dirs, no_cache=record is None)
    wanted = read(asked.manifest, asked.variables, today=asked.today, template_dirs=asked.template_dirs)
    _refuse_twice(wanted.name, wanted.version, asked.manifest, earlier)
    console.note(f"building {wanted.name} {wanted.version} for {wanted.os}")
    with console.progress() as progress:
        result = build(wanted, options, progress=progress)
    if record:
        record.remember(result.built, wanted, result.content)
    return result.built


def _refuse_twice(name: str, version: str, path: Path, earlier: list[_Outcome]) -> None:
    for outcome in earlier:
        if (outcome.built.name, outcome.built.version) == (name, version):
            raise UsageError(
                f"{name} {version} was built already in this run",
                why="Two manifests with the same name and version would overwrite each other's release.",
                remedy="Change one of them.",
                where=path,
            )


def _report(console: Console, outcome: _Outcome) -> None:
    built = outcome.built
    console.result(str(_shown(built.directory)))
    plural = "" if built.segments == 1 else "s"
    reused = f", {built.reused} from the cache" if built.reused else ""
    console.note(
        f"  {built.package.file_name}  {human_size(built.package.size)}"
        f"  ({built.segments} segment{plural}{reused}, {outcome.seconds:.2f} s)"
    )
    console.note(f"  sha256 {built.package.sha256}")


def _shown(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _artifact(artifact: "Artifact | None") -> dict[str, Any] | None:
    if artifact is None:
        return None
    return {
        "path": str(artifact.path),
        "fileName": artifact.file_name,
        "size": artifact.size,
        "sha256": artifact.sha256,
    }


def _document(results: list[_Outcome], errors: list[tuple[Path, VmpackError]]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "schemaVersion": 1,
        "releases": [_release_document(outcome) for outcome in results],
    }
    if errors:
        document["errors"] = [{"path": str(path), **failure.document(error)} for path, error in errors]
    return document


def _release_document(outcome: _Outcome) -> dict[str, Any]:
    built = outcome.built
    return {
        "name": built.name,
        "version": built.version,
        "os": built.os,
        "directory": str(built.directory),
        "package": _artifact(built.package),
        "config": _artifact(built.config),
        "commands": built.commands,
        "segments": {"total": built.segments, "reused": built.reused},
        "seconds": round(outcome.seconds, 3),
        "warnings": [finding.as_json() for finding in built.warnings],
    }


def _tell_ci(console: Console, results: list[_Outcome]) -> None:
    if not results:
        return
    last = results[-1].built
    outputs = {
        "name": last.name,
        "version": last.version,
        "directory": str(last.directory),
        "package": str(last.package.path),
        "sha256": last.package.sha256,
        "size": str(last.package.size),
        "directories": "\n".join(str(outcome.built.directory) for outcome in results),
    }
    for line in annotations.write_outputs(outputs, console.environment):
        console.tell(line)
    rows = [
        f"| {built.name} | {built.version} | {built.os} | {human_size(built.package.size)} "
        f"| `{built.package.sha256}` |"
        for built, _ in results
    ]
    head = [
        "### vmpack build",
        "",
        "| application | version | OS | package | sha256 |",
        "|---|---|---|---|---|",
    ]
    annotations.write_summary("\n".join([*head, *rows]), console.environment)
