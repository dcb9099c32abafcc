"""What the next step needs: the links as a file, the finished REST body, and the one command that uses it."""

import json
import shlex
from pathlib import Path
from typing import Any

from vmpack import gallery
from vmpack.publish.model import Links
from vmpack.publish.receipt import write_private
from vmpack.release.model import Release


def links_document(release: Release, links: Links) -> dict[str, Any]:
    """Give the links as ``--links-file`` holds them; the values are secrets."""
    return {
        "schemaVersion": 1,
        "name": release.name,
        "version": release.version,
        "mediaLink": links.media.url,
        "defaultConfigurationLink": links.config.url if links.config else None,
        "sas": {"expires": links.expires},
    }


def write_links(path: Path, release: Release, links: Links) -> None:
    """Write the links for their owner's eyes alone."""
    write_private(path, _json(links_document(release, links)))


def write_body(path: Path, release: Release, links: Links) -> None:
    """Write the complete REST body of the gallery application version for its owner's eyes alone."""
    config = links.config.url if links.config else None
    write_private(path, _json(gallery.with_links(release.version_resource, links.media.url, config)))


def az_rest(
    release: Release,
    body: Path,
    *,
    subscription: str | None,
    resource_group: str | None,
    gallery_name: str | None,
) -> str:
    """Give the one command that creates the version; az fills in ``{subscriptionId}`` by itself."""
    url = gallery.version_url(
        subscription or "{subscriptionId}",
        resource_group or "RESOURCE_GROUP",
        gallery_name or "GALLERY",
        release.name,
        release.version,
    )
    shown = url.replace("%7BsubscriptionId%7D", "{subscriptionId}")
    return f"az rest --method put --url {shlex.quote(shown)} --body {shlex.quote(f'@{body}')}"


def _json(document: object) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
