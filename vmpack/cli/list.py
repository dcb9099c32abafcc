"""``vmpack list``: what lies in a container."""

from typing import TYPE_CHECKING, Any

import click

from vmpack.cli.console import Console, human_size, pass_console
from vmpack.cli.options import json_option
from vmpack.cli.storage import destination_options, find_destination

if TYPE_CHECKING:
    from vmpack.publish.catalog import StoredVersion


@click.command()
@click.argument("name", default="")
@destination_options
@json_option
@pass_console
def command(console: Console, /, name: str, as_json: bool, **options: Any) -> None:
    """List the versions in a container, of the application NAME or of all."""
    from vmpack.publish.catalog import versions
    from vmpack.publish.run import PublishOptions, opened

    destination = find_destination(options, console)
    with opened(destination, PublishOptions()) as container:
        found = versions(container, name)
    if as_json:
        console.json(
            {"schemaVersion": 1, "container": destination.url, "versions": [_document(v) for v in found]}
        )
        return
    for stored in found:
        foreign = "" if stored.ours else "  (not by vmpack)"
        console.result(
            f"{stored.name} {stored.version}  {human_size(stored.size)}  {stored.modified}{foreign}"
        )
    if not found:
        console.note(f"no versions in {destination.url}")


def _document(stored: "StoredVersion") -> dict[str, Any]:
    return {
        "name": stored.name,
        "version": stored.version,
        "size": stored.size,
        "modified": stored.modified,
        "byVmpack": stored.ours,
        "blobs": [
            {
                "blob": blob.name,
                "size": blob.properties.size,
                "etag": blob.properties.etag,
                "sha256": blob.properties.metadata.get("vmpack_sha256"),
            }
            for blob in stored.blobs
        ],
    }
