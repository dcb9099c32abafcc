"""Proving to storage who asks: an account key, a shared access signature, Entra ID, or nothing.

Keys and tokens are kept out of every ``repr`` and never enter an error's text.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from email.utils import formatdate
from typing import Protocol
from urllib.parse import unquote

from vmpack.errors import UsageError
from vmpack.values import dataclass, field

TOKEN_SCOPE = "https://storage.azure.com/.default"  # noqa: S105 - a scope, not a secret

_SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


class AccessToken(Protocol):
    """A bearer token, as azure-identity gives it."""

    @property
    def token(self) -> str:
        """The token's text."""


class TokenCredential(Protocol):
    """Anything of azure-identity, or a stand-in for tests."""

    def get_token(self, *scopes: str) -> AccessToken:
        """Give a token that is valid now; implementations keep and renew it."""


class Credential(Protocol):
    """Signs one request after another, from any thread."""

    def authorize(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[dict[str, str], str]:
        """Give headers to add and a text to append to the query."""


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No credential: for public containers, and for trying a link as the gallery does."""

    def authorize(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[dict[str, str], str]:
        """Add nothing."""
        del method, path, query, headers
        return {}, ""


@dataclass(frozen=True, slots=True)
class SharedKey:
    """An account key; ``account`` is the storage account's name."""

    account: str
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        try:
            base64.b64decode(self.key, validate=True)
        except (binascii.Error, ValueError):
            raise UsageError(
                f"the key of storage account {self.account} is not base64",
                remedy="Copy it again; it ends with two equals signs and has no spaces.",
            ) from None

    def authorize(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[dict[str, str], str]:
        """Sign with the account key (REST reference, "Authorize with Shared Key")."""
        date = {"x-ms-date": formatdate(usegmt=True)}
        lowered = {name.lower(): value for name, value in {**headers, **date}.items()}
        plain = [
            "" if n == "content-length" and lowered.get(n) == "0" else lowered.get(n, "")
            for n in _SIGNED_HEADERS
        ]
        own = [f"{name}:{lowered[name].strip()}" for name in sorted(lowered) if name.startswith("x-ms-")]
        resource = [f"/{self.account}{path}", *(f"{name}:{query[name]}" for name in sorted(query))]
        text = "\n".join([method, *plain, *own, *resource])
        digest = hmac.digest(base64.b64decode(self.key), text.encode(), hashlib.sha256)
        return {**date, "Authorization": f"SharedKey {self.account}:{base64.b64encode(digest).decode()}"}, ""


@dataclass(frozen=True, slots=True)
class SasToken:
    """A shared access signature as it stands behind a URL's question mark."""

    token: str = field(repr=False)

    def authorize(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[dict[str, str], str]:
        """Append the signature to the query."""
        del method, path, query, headers
        return {}, self.token

    def allows(self, permission: str) -> bool:
        """Tell whether the signature names a permission letter; one with a stored policy may grant anything."""
        fields = dict(pair.partition("=")[::2] for pair in self.token.split("&"))
        return "si" in fields or permission in unquote(fields.get("sp", ""))


@dataclass(frozen=True, slots=True)
class Bearer:
    """Entra ID."""

    source: TokenCredential = field(repr=False)

    def token(self) -> str:
        """Give the header's text for now."""
        return f"Bearer {self.source.get_token(TOKEN_SCOPE).token}"

    def authorize(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[dict[str, str], str]:
        """Add a token that is valid now."""
        del method, path, query, headers
        return {"Authorization": self.token()}, ""
