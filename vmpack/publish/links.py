"""The URLs that the gallery reads from: made, and put in order."""

from datetime import datetime, timedelta
from typing import NamedTuple

from vmpack.findings import Finding
from vmpack.publish import sas
from vmpack.publish.credentials import Bearer
from vmpack.publish.destination import Destination
from vmpack.publish.model import Link
from vmpack.values import dataclass


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Which kind of link, and for how long."""

    life: timedelta = timedelta(hours=24)
    policy: str | None = None
    """A stored access policy of the container, which decides about time and permission."""
    as_user: bool = False
    """Sign with a user delegation key."""
    no_sas: bool = False
    """Plain URLs, for a gallery with a managed identity."""
    now: datetime | None = None


class Made(NamedTuple):
    """A link, and what its reader should know of this kind of link."""

    link: Link
    findings: tuple[Finding, ...] = ()

    @property
    def signed(self) -> bool:
        """Whether the URL opens the blob by itself."""
        return self.link.url != self.link.plain


def normalised(url: str, token: str = "") -> str:
    """Join a blob's URL and its signature as the gallery wants it: no quotes, no doubled question mark.

    PowerShell's cmdlet once returned signatures that begin with one, and shells leave quotes in variables; the
    gallery answers such a link with "must be an absolute uri".
    """
    plain = url.strip().strip("'\"")
    base, _, query = plain.partition("?")
    signature = "&".join(
        part.strip().strip("'\"").strip("?&") for part in (query, token) if part.strip("?& '\"")
    )
    return f"{base}?{signature}" if signature else base


def make(destination: Destination, blob_url: str, blob: str, options: LinkOptions) -> Made:
    """Make the link of one blob."""
    life = sas.window(options.life, options.now)
    if options.no_sas:
        return Made(Link(blob_url, blob_url))
    if options.as_user:
        token = sas.by_identity(destination, blob, life)
        return Made(Link(normalised(blob_url, token), blob_url, life.expires), (_user_delegation(blob_url),))
    if destination.key is None:
        return Made(Link(blob_url, blob_url), (_cannot_sign(destination, blob_url),))
    if options.policy:
        token = sas.by_policy(destination, destination.key, blob, options.policy)
        return Made(Link(normalised(blob_url, token), blob_url))
    token = sas.by_key(destination, destination.key, blob, life)
    return Made(Link(normalised(blob_url, token), blob_url, life.expires))


def _user_delegation(url: str) -> Finding:
    return Finding(
        "link-user-delegation",
        "warning",
        "this link is signed with a user delegation key: the gallery's replication does not support it",
        "Sign with an account key or a stored access policy, or give the gallery a managed identity and use --no-sas.",
        url,
    )


def _cannot_sign(destination: Destination, url: str) -> Finding:
    by = "Entra ID" if isinstance(destination.credential, Bearer) else "a shared access signature"
    return Finding(
        "link-unsigned",
        "warning",
        f"the blobs are stored, but {by} cannot sign a link of its own: this is the plain URL",
        "Give the gallery a managed identity (then --no-sas says that this is meant), or set AZURE_STORAGE_KEY and"
        " run `vmpack links`.",
        url,
    )


def needs_identity(url: str) -> Finding:
    """Say that a plain URL opens only for a managed identity."""
    return Finding(
        "link-needs-identity",
        "warning",
        "the plain URL is not publicly readable: the gallery reads it only with a managed identity",
        "Give the gallery a user-assigned identity with the role Storage Blob Data Contributor on the account.",
        url,
    )
