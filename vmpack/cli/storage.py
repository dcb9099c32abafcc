"""Options, and ways of telling, that the commands which speak to storage share."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vmpack.cli import annotations
from vmpack.cli.console import Console

if TYPE_CHECKING:
    from vmpack.findings import Finding
    from vmpack.manifest.model import Manifest
    from vmpack.publish.destination import Destination
    from vmpack.publish.links import LinkOptions
    from vmpack.publish.model import Link, Links
    from vmpack.release.model import Release

Command = TypeVar("Command", bound=Callable[..., Any])


def destination_options(command: Command) -> Command:
    """Add the options that say which container and with which credential."""
    options = (
        click.option(
            "--container",
            metavar="URL|NAME",
            help="The container: a name, or its URL with or without a SAS. Default: the manifest's publish.container.",
        ),
        click.option("--account", metavar="NAME", help="The storage account; else AZURE_STORAGE_ACCOUNT."),
        click.option(
            "--connection-string",
            metavar="TEXT",
            help="Account and key in one; else AZURE_STORAGE_CONNECTION_STRING. UseDevelopmentStorage=true is Azurite.",
        ),
        click.option(
            "--auth-mode",
            type=click.Choice(["key", "login"]),
            help="login signs in with Entra ID and ignores keys (needs vmpack[azure]); else AZURE_STORAGE_AUTH_MODE.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def link_options(command: Command) -> Command:
    """Add the options that say which kind of link, and where links go."""
    options = (
        click.option("--sas-expiry", metavar="TIME", help="How long links live: 90m, 24h, 7d. Default: 24h."),
        click.option(
            "--sas-policy", metavar="NAME", help="Sign under this stored access policy of the container."
        ),
        click.option(
            "--as-user", is_flag=True, help="Sign with a user delegation key (Entra ID, 7 days at most)."
        ),
        click.option("--no-sas", is_flag=True, help="Plain URLs, for a gallery with a managed identity."),
        click.option(
            "--links-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Write the links as JSON for the next step; readable by you alone.",
        ),
        click.option(
            "--body-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Write the REST body of the version, links inside; readable by you alone.",
        ),
        click.option("--subscription", metavar="ID", help="For the printed command."),
        click.option("--resource-group", metavar="NAME", help="For the printed command."),
        click.option("--gallery", metavar="NAME", help="For the printed command."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def find_destination(
    options: Mapping[str, Any], console: Console, of: "Release | Manifest | None" = None
) -> "Destination":
    """Resolve the destination of a command and tell its warnings."""
    from vmpack.publish.destination import Wanted, resolve

    wanted = Wanted(
        options["container"], options["account"], options["connection_string"], options["auth_mode"]
    )
    found = resolve(wanted, os.environ, of.publish if of else None)
    for warning in found.warnings:
        console.warning(warning)
    return found


def find_links(options: Mapping[str, Any], of: "Release | Manifest") -> "LinkOptions":
    """Read what kind of link is wanted."""
    from vmpack.publish.links import LinkOptions
    from vmpack.publish.sas import parse_duration

    if sum(bool(options[name]) for name in ("no_sas", "as_user", "sas_policy")) > 1:
        raise click.UsageError("--no-sas, --as-user and --sas-policy exclude each other")
    life = parse_duration(options["sas_expiry"] or of.publish.sas_expiry)
    return LinkOptions(life, options["sas_policy"], options["as_user"], options["no_sas"])


def hand_over(console: Console, release: "Release", links: "Links", options: Mapping[str, Any]) -> str | None:
    """Write the files that were asked for, tell the CI service, and give the command that creates the version."""
    from vmpack.publish import handover

    console.findings(links.findings)
    if options["links_file"]:
        handover.write_links(options["links_file"], release, links)
    _tell_ci(console, links)
    if not options["body_file"]:
        return None
    handover.write_body(options["body_file"], release, links)
    return handover.az_rest(
        release,
        options["body_file"],
        subscription=options["subscription"],
        resource_group=options["resource_group"],
        gallery_name=options["gallery"],
    )


def show_links(console: Console, links: "Links", options: Mapping[str, Any], command: str | None) -> None:
    """Print the links, with their signatures only where they go nowhere else; the command last."""
    kept = options["links_file"] or options["body_file"] or _in_ci(console)
    for name, link in (("mediaLink", links.media), ("defaultConfigurationLink", links.config)):
        if link:
            console.result(f"{name} {link.plain if kept else link.url}")
    if links.expires:
        console.note(f"  the links end at {links.expires}")
    if command:
        console.result(command)


def links_json(links: "Links", command: str | None) -> dict[str, Any]:
    """Give the keys of the JSON contract that concern links."""
    document: dict[str, Any] = {
        "mediaLink": links.media.url,
        "defaultConfigurationLink": links.config.url if links.config else None,
        "sas": {"expires": links.expires},
        "findings": [finding.as_json() for finding in links.findings],
    }
    if command:
        document["command"] = command
    return document


def _in_ci(console: Console) -> bool:
    environment = console.environment
    return annotations.on_github(environment) or annotations.on_azure_pipelines(environment)


def _tell_ci(console: Console, links: "Links") -> None:
    """Hand the links to later steps, hidden from the service's own logs."""
    environment = console.environment
    found: list[tuple[str, Link]] = [("mediaLink", links.media)]
    if links.config:
        found.append(("defaultConfigurationLink", links.config))
    if annotations.on_github(environment):
        for _, link in found:
            if link.url != link.plain:
                # GitHub swallows this line and blanks the text in everything that later steps print.
                click.echo(f"::add-mask::{link.url}", err=True)
                click.echo(f"::add-mask::{link.url.partition('?')[2]}", err=True)
    outputs = {name: link.url for name, link in found}
    for line in annotations.write_outputs(outputs, environment, secret=True):
        click.echo(line, err=True)


def remote_findings(
    console: Console, release: "Release", options: Mapping[str, Any], *, read: bool = False
) -> "tuple[Finding, ...]":
    """Compare a release with its blobs, in the named container or the one of its receipt; ``read`` every byte."""
    from vmpack.publish.compare import verify_remote

    found = find_destination(with_receipt(options, release), console, release)
    return verify_remote(release, found, read=read)


def with_receipt(options: Mapping[str, Any], release: "Release") -> dict[str, Any]:
    """Let the release's receipt name the container where the command line does not."""
    from vmpack.publish import receipt

    published = None if options["container"] else receipt.read(release.directory)
    return {**options, "container": published.container_url} if published else dict(options)
