"""``vmpack build``: manifests in, releases out."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmpack.cli import annotations, failure
from vmpack.cli.console import Console, human_size, pass_console
from vmpack.cli.options import assemble, build_options, json_option, manifests_argument, set_option
from vmpack.errors import UsageError, VmpackError

if TYPE_CHECKING:
    from vmpack.release.build import BuildOptions
    from vmpack.release.model import Artifact, BuildResult


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
    options = assemble(dist, template_dirs, no_cache=no_cache)
    results: list[BuildResult] = []
    errors: list[tuple[Path, VmpackError]] = []
    for path in paths or (Path(),):
        try:
            results.append(_build_one(console, path, variables, options, results))
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


def _build_one(
    console: Console,
    path: Path,
    variables: Mapping[str, str],
    options: "BuildOptions",
    earlier: list["BuildResult"],
) -> "BuildResult":
    from vmpack.release.build import build
    from vmpack.release.check import read

    wanted = read(path, variables, today=options.today, template_dirs=options.template_dirs)
    _refuse_twice(wanted.name, wanted.version, path, earlier)
    console.note(f"building {wanted.name} {wanted.version} for {wanted.os}")
    with console.progress() as progress:
        result = build(wanted, options, progress=progress)
    console.findings(result.warnings)
    return result


def _refuse_twice(name: str, version: str, path: Path, earlier: list["BuildResult"]) -> None:
    for result in earlier:
        if (result.release.name, result.release.version) == (name, version):
            raise UsageError(
                f"{name} {version} was built already in this run",
                why="Two manifests with the same name and version would overwrite each other's release.",
                remedy="Change one of them.",
                where=path,
            )


def _report(console: Console, result: "BuildResult") -> None:
    release = result.release
    console.result(str(_shown(release.directory)))
    plural = "" if result.segments.total == 1 else "s"
    reused = f", {result.segments.reused} from the cache" if result.segments.reused else ""
    console.note(
        f"  {release.package.file_name}  {human_size(release.package.size)}"
        f"  ({result.segments.total} segment{plural}{reused}, {result.seconds:.2f} s)"
    )
    console.note(f"  sha256 {release.package.sha256}")


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


def _document(results: list["BuildResult"], errors: list[tuple[Path, VmpackError]]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "schemaVersion": 1,
        "releases": [_release_document(result) for result in results],
    }
    if errors:
        document["errors"] = [{"path": str(path), **failure.document(error)} for path, error in errors]
    return document


def _release_document(result: "BuildResult") -> dict[str, Any]:
    release = result.release
    return {
        "name": release.name,
        "version": release.version,
        "os": release.os,
        "directory": str(release.directory),
        "package": _artifact(release.package),
        "config": _artifact(release.config),
        "commands": release.commands.as_json(),
        "segments": {"total": result.segments.total, "reused": result.segments.reused},
        "seconds": round(result.seconds, 3),
        "warnings": [finding.as_json() for finding in result.warnings],
    }


def _tell_ci(console: Console, results: list["BuildResult"]) -> None:
    if not results:
        return
    last = results[-1].release
    outputs = {
        "name": last.name,
        "version": last.version,
        "directory": str(last.directory),
        "package": str(last.package.path),
        "sha256": last.package.sha256,
        "size": str(last.package.size),
        "directories": "\n".join(str(result.release.directory) for result in results),
    }
    for line in annotations.write_outputs(outputs, console.environment):
        console.tell(line)
    rows = [
        f"| {r.release.name} | {r.release.version} | {r.release.os} | {human_size(r.release.package.size)} "
        f"| `{r.release.package.sha256}` |"
        for r in results
    ]
    head = [
        "### vmpack build",
        "",
        "| application | version | OS | package | sha256 |",
        "|---|---|---|---|---|",
    ]
    annotations.write_summary("\n".join([*head, *rows]), console.environment)
