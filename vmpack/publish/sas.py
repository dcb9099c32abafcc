"""Shared access signatures: read-only, for one blob, for a while."""

import hmac
import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from vmpack.errors import PublishError, UsageError
from vmpack.publish.credentials import Bearer, SharedKey
from vmpack.publish.destination import Destination
from vmpack.publish.wire import API_VERSION
from vmpack.values import dataclass

CLOCK_SKEW = timedelta(minutes=15)
"""Signatures begin this much in the past: storage's clock and ours differ."""
USER_DELEGATION_LIMIT = timedelta(days=7)
"""The life of a user delegation key (REST reference); a signature silently dies with its key."""
_DURATION = re.compile(r"(\d+)\s*([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta:
    """Read ``90m``, ``24h`` or ``7d``. Raises UsageError."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None or int(match[1]) == 0 or len(match[1]) > 6:
        raise UsageError(f"{text!r} is not a time span", remedy="Write a number and m, h or d: 90m, 24h, 7d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


@dataclass(frozen=True, slots=True)
class Window:
    """From when until when a signature holds, in UTC."""

    start: datetime
    end: datetime

    @property
    def expires(self) -> str:
        """The end in RFC 3339."""
        return self.end.strftime("%Y-%m-%dT%H:%M:%SZ")


def window(life: timedelta, now: datetime | None = None) -> Window:
    """Give the window that begins now (and a little earlier) and lasts ``life``."""
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    return Window(now - CLOCK_SKEW, now + life)


def by_key(destination: Destination, key: SharedKey, blob: str, life: Window) -> str:
    """Sign with the account key."""
    start, end = (moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (life.start, life.end))
    return _signed(destination, key, blob, {"sp": "r", "st": start, "se": end})


def by_policy(destination: Destination, key: SharedKey, blob: str, policy: str) -> str:
    """Sign with the account key under a stored access policy, which says what is allowed and until when."""
    return _signed(destination, key, blob, {"si": policy})


def _signed(destination: Destination, key: SharedKey, blob: str, terms: dict[str, str]) -> str:
    """Make a service SAS for one blob (REST reference, "Create a service SAS", version 2020-12-06 and later).

    By hand because these lines cost nothing, and the SDK's import costs a quarter of a second of every run.
    """
    fields = {**terms, "spr": _protocol(destination), "sv": API_VERSION, "sr": "b"}
    resource = f"/blob/{destination.account}/{destination.container}/{blob}"
    known = (fields.get(name, "") for name in ("sp", "st", "se"))
    more = (fields.get("si", ""), "", fields["spr"], fields["sv"], fields["sr"])
    # Snapshot, encryption scope, and five response headers that are not overridden.
    text = "\n".join([*known, resource, *more, *[""] * 7])
    digest = hmac.digest(b64decode(key.key), text.encode(), "sha256")
    return urlencode({**fields, "sig": b64encode(digest).decode()})


def _protocol(destination: Destination) -> str:
    return "https" if destination.secure else "https,http"


def by_identity(destination: Destination, blob: str, life: Window) -> str:
    """Sign with a user delegation key, which Entra ID stands for; seven days at most."""
    if life.end - life.start > USER_DELEGATION_LIMIT:
        raise UsageError(
            "a user delegation signature lives 7 days at most, less a quarter of an hour for clocks that differ",
            remedy="Ask for less with --sas-expiry, for example 6d.",
        )
    if not isinstance(destination.credential, Bearer):
        raise UsageError(
            "a user delegation signature needs Entra ID",
            remedy="Add --auth-mode login, or leave out --as-user.",
        )
    from azure.core.exceptions import AzureError
    from azure.storage.blob import BlobServiceClient, generate_blob_sas

    account_url = destination.url.rpartition("/")[0]
    source: Any = destination.credential.source
    try:
        with BlobServiceClient(account_url, credential=source, retry_total=3, retry_connect=1) as service:
            delegation = service.get_user_delegation_key(life.start, life.end)
    except AzureError as error:
        raise PublishError(
            f"no user delegation key: {getattr(error, 'error_code', None) or type(error).__name__}",
            why="The identity needs the role Storage Blob Delegator (or Storage Blob Data Contributor).",
            remedy="Grant it, or use --no-sas with a managed identity on the gallery.",
            where=account_url,
            rule="sas",
        ) from None
    token: str = generate_blob_sas(
        destination.account,
        destination.container,
        blob,
        protocol=_protocol(destination),
        user_delegation_key=delegation,
        permission="r",
        start=life.start,
        expiry=life.end,
    )
    return token
