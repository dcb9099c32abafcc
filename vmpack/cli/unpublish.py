"""``vmpack unpublish``: take a version out of a container."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vmpack.cli.console import Console, human_size, pass_console
from vmpack.cli.options import json_option
from vmpack.cli.storage import destination_options, find_destination, with_receipt
from vmpack.errors import UsageError

if TYPE_CHECKING:
    from vmpack.release.model import Release


@click.command()
@click.argument("what", metavar="NAME/VERSION|RELEASE")
@destination_options
@click.option("--yes", is_flag=True, help="Delete; without it the blobs are only listed.")
@click.option("--force", is_flag=True, help="Delete blobs too that vmpack did not write.")
@json_option
@pass_console
def command(console: Console, /, what: str, yes: bool, force: bool, as_json: bool, **options: Any) -> None:
    """Delete the blobs of one version, after showing them.

    The gallery keeps its own copy once a version is created, but asks for the blob again whenever the version is
    updated, for example to add a region. Nothing is deleted without --yes.
    """
    from vmpack.publish import catalog
    from vmpack.publish.run import PublishOptions, opened

    name, version, release = _subject(what)
    destination = find_destination(with_receipt(options, release) if release else options, console, release)
    with opened(destination, PublishOptions()) as container:
        found = catalog.find(container, name, version, force=force)
        deleted = catalog.delete(container, found) if yes else ()
    if as_json:
        blobs = [blob.name for blob in found.blobs]
        console.json({"schemaVersion": 1, "blobs": blobs, "deleted": list(deleted)})
        return
    for blob in found.blobs:
        verb = "deleted" if blob.name in deleted else "would delete"
        console.result(f"{verb} {blob.name}  {human_size(blob.properties.size)}")
    if not yes:
        console.note("nothing was deleted; add --yes")


def _subject(what: str) -> "tuple[str, str, Release | None]":
    """Read ``name/1.2.3``, or a release folder."""
    folder = Path(what)
    if (folder / "build.json").is_file():
        from vmpack.release.report import load

        release = load(folder)
        return release.name, release.version, release
    name, slash, version = what.partition("/")
    if not slash or not name or not version or "/" in version:
        raise UsageError(
            f"{what!r} is neither NAME/VERSION nor a release folder",
            remedy="Write it as vmpack list shows it: hello/1.2.0.",
        )
    return name, version, None
