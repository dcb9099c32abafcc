"""``vmpack publish``: blobs into a container, links out of it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmpack.cli.console import Console, human_size, pass_console
from vmpack.cli.options import assemble, build_options, json_option, set_option
from vmpack.cli.storage import (
    destination_options,
    find_destination,
    find_links,
    hand_over,
    link_options,
    links_json,
    show_links,
)
from vmpack.errors import UsageError, VmpackError

if TYPE_CHECKING:
    from vmpack.manifest.model import Manifest
    from vmpack.package.model import BlockObserver
    from vmpack.progress import Progress
    from vmpack.publish.model import Published
    from vmpack.publish.run import PublishOptions
    from vmpack.release.model import Release


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RELEASE|PATH...")
@destination_options
@link_options
@click.option("--overwrite", is_flag=True, help="Replace a published version of other content. Dangerous.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be sent, copied or reused, and why.")
@click.option("--create-container", is_flag=True, help="Make the container if it is missing.")
@click.option(
    "--connections", type=click.IntRange(1, 64), default=24, show_default=True, help="Requests at a time."
)
@click.option(
    "--parallel", type=click.IntRange(1, 16), default=3, show_default=True, help="Applications at a time."
)
@click.option("--timeout", metavar="TIME", help="Give up retrying after this time: 90m, 2h. Default: never.")
@click.option(
    "-o", "--output", "dist", default="dist", type=click.Path(path_type=Path), help="Where PATH is built."
)
@set_option
@build_options
@json_option
@pass_console
@click.pass_context
def command(
    ctx: click.Context, console: Console, /, paths: tuple[Path, ...], as_json: bool, **options: Any
) -> None:
    """Publish releases as block blobs NAME/VERSION/FILE, and print the links that the gallery wants.

    RELEASE is a release folder (dist/NAME/VERSION). A PATH with a manifest is built first; its blocks travel while
    later ones are still compressed. A version that is there already with the same content is left alone. Blocks
    that an older version or an interrupted run left in storage are not sent again.
    """
    if len(paths) > 1 and (options["links_file"] or options["body_file"]):
        raise UsageError("--links-file and --body-file take one release at a time")
    if options["dry_run"]:
        _rehearse(console, [_release(console, path, options) for path in paths], options, as_json=as_json)
        return
    if len(paths) == 1 and not _is_release(paths[0]):
        release, published = _build_and_publish(console, paths[0], options)
        outcomes: list[tuple[Release, Published | VmpackError]] = [(release, published)]
    else:
        outcomes = _publish_all(console, [_release(console, path, options) for path in paths], options)
    documents = [_tell(console, *outcome, options, as_json=as_json) for outcome in outcomes]
    if as_json:
        single = len(documents) == 1
        console.json({"schemaVersion": 1, **(documents[0] if single else {"releases": documents})})
    ctx.exit(max((o.exit_code for _, o in outcomes if isinstance(o, VmpackError)), default=0))


def _rehearse(
    console: Console, releases: "list[Release]", options: Mapping[str, Any], *, as_json: bool
) -> None:
    """Tell what publishing would do."""
    from vmpack.publish.run import rehearse_release

    plans = []
    for release in releases:
        destination = find_destination(options, console, release)
        plans += rehearse_release(release, destination, _options(options, release))
    if as_json:
        console.json({"schemaVersion": 1, "plan": [{"blob": blob, "steps": steps} for blob, steps in plans]})
        return
    for blob, steps in plans:
        console.result(blob)
        for step in steps:
            console.result(f"  {step}")


def _is_release(path: Path) -> bool:
    return (path / "build.json").is_file()


def _release(console: Console, path: Path, options: Mapping[str, Any]) -> "Release":
    from vmpack.release.report import load

    if _is_release(path):
        return load(path)
    with console.progress() as progress:
        return _build(console, _load_manifest(path, options), options, progress)


def _load_manifest(path: Path, options: Mapping[str, Any]) -> "Manifest":
    from vmpack import manifest

    if path.is_dir() and not (path / "vmapp.json").exists():
        raise UsageError(
            "neither a release nor a manifest is here",
            remedy="Name a folder with build.json (dist/NAME/VERSION) or with vmapp.json.",
            where=path,
        )
    return manifest.load(path, options["variables"])


def _build(
    console: Console,
    wanted: "Manifest",
    options: Mapping[str, Any],
    progress: "Progress",
    observer: "BlockObserver | None" = None,
) -> "Release":
    from vmpack.release.build import build

    how = assemble(options["dist"], options["template_dirs"], no_cache=options["no_cache"])
    result = build(wanted, how, progress=progress, observer=observer)
    console.findings(result.warnings)
    return result.release


def _options(options: Mapping[str, Any], release: "Release | Manifest") -> "PublishOptions":
    from vmpack.publish.retry import RetryPolicy
    from vmpack.publish.run import PublishOptions
    from vmpack.publish.sas import parse_duration

    total = parse_duration(options["timeout"]).total_seconds() if options["timeout"] else None
    return PublishOptions(
        overwrite=options["overwrite"],
        create_container=options["create_container"],
        links=find_links(options, release),
        threads=options["connections"],
        policy=RetryPolicy(total=total),
    )


def _build_and_publish(
    console: Console, path: Path, options: Mapping[str, Any]
) -> "tuple[Release, Published]":
    """Build and publish in one go, with blocks on their way while later ones are compressed."""
    from vmpack.publish.stage import Coming, build_and_publish

    wanted = _load_manifest(path, options)
    destination = find_destination(options, console, wanted)
    built: list[Release] = []

    coming = Coming(wanted.name, wanted.version, wanted.package_file_name)
    with console.progress() as progress:

        def build(observer: "BlockObserver | None") -> "Release":
            console.note(f"building {wanted.name} {wanted.version} for {wanted.os}")
            built.append(_build(console, wanted, options, progress, observer))
            return built[-1]

        how = replace(_options(options, wanted), progress=progress)
        published = build_and_publish(coming, build, destination, how)
    return built[-1], published


def _publish_all(
    console: Console, releases: "list[Release]", options: Mapping[str, Any]
) -> "list[tuple[Release, Published | VmpackError]]":
    from vmpack.publish.batch import Job, publish_many
    from vmpack.publish.run import publish

    jobs = [Job(release, find_destination(options, console, release)) for release in releases]
    how = _options(options, releases[0])
    with console.progress() as progress:
        how = replace(how, progress=progress)
        if len(jobs) == 1:
            return [(releases[0], publish(releases[0], jobs[0].destination, how))]
        return list(zip(releases, publish_many(jobs, how, options["parallel"]), strict=True))


def _tell(
    console: Console,
    release: "Release",
    outcome: "Published | VmpackError",
    options: Mapping[str, Any],
    *,
    as_json: bool,
) -> dict[str, Any]:
    """Tell how one release went, and give its JSON document."""
    if isinstance(outcome, VmpackError):
        console.error(outcome)
        return {"name": release.name, "version": release.version, "error": _error(outcome)}
    console.note(_summary(outcome))
    for note in outcome.notes:
        console.note(f"  {note}")
    rest = hand_over(console, release, outcome.links, options)
    if not as_json:
        show_links(console, outcome.links, options, rest)
    return _document(outcome, rest)


def _summary(published: "Published") -> str:
    tally = published.tally
    where = f"{published.name} {published.version}: {published.package.url}"
    if published.package.existed and not tally.bytes_sent:
        return f"{where}\n  was there already with this content, nothing sent"
    return (
        f"{where}\n  {human_size(tally.bytes_sent)} sent in {tally.blocks_sent} blocks,"
        f" {human_size(tally.bytes_reused)} were in storage"
    )


def _document(published: "Published", command: str | None) -> dict[str, Any]:
    tally = published.tally
    package = published.package
    return {
        "name": published.name,
        "version": published.version,
        **links_json(published.links, command),
        "blob": package.name,
        "url": package.url,
        "etag": package.etag,
        "sha256": package.sha256,
        "existed": package.existed,
        "bytes": {
            "total": tally.bytes_total,
            "sent": tally.bytes_sent,
            "reused": tally.bytes_reused,
        },
        "blocks": {
            "total": tally.blocks_total,
            "sent": tally.blocks_sent,
            "reused": tally.blocks_reused,
        },
        "notes": list(published.notes),
    }


def _error(error: VmpackError) -> dict[str, Any]:
    return {
        "rule": error.rule,
        "exitCode": error.exit_code,
        "what": error.what,
        "why": error.why,
        "remedy": error.remedy,
    }
