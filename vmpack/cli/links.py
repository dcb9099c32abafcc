"""``vmpack links``: new links for what is published, without sending anything."""

from pathlib import Path
from typing import Any

import click

from vmpack.cli.console import Console, pass_console
from vmpack.cli.options import json_option
from vmpack.cli.storage import (
    destination_options,
    find_destination,
    find_links,
    hand_over,
    link_options,
    links_json,
    show_links,
    with_receipt,
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RELEASE")
@destination_options
@link_options
@json_option
@pass_console
def command(console: Console, /, folder: Path, as_json: bool, **options: Any) -> None:
    """Renew the links of a published release: the blobs stay, only the signatures are new.

    The container is the one in the release's receipt (publish.json), unless --container names another.
    """
    from vmpack.publish.renew import renew
    from vmpack.publish.run import PublishOptions
    from vmpack.release.report import load

    release = load(folder)
    destination = find_destination(with_receipt(options, release), console, release)
    links = renew(release, destination, PublishOptions(links=find_links(options, release)))
    rest = hand_over(console, release, links, options)
    if as_json:
        console.json(
            {"schemaVersion": 1, "name": release.name, "version": release.version, **links_json(links, rest)}
        )
    else:
        show_links(console, links, options, rest)
