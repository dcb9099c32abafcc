"""What storage says when it refuses, turned into sentences."""

import re

from vmpack.errors import PublishError
from vmpack.publish.redact import redact
from vmpack.publish.wire import Response

_CODE = re.compile(rb"<Code>([A-Za-z]+)</Code>")
_MESSAGE = re.compile(rb"<Message>([^<\n]*)")


class StorageError(PublishError):
    """Storage refused; ``status`` and ``code`` are its own."""

    def __init__(
        self, what: str, *, status: int, code: str, why: str = "", remedy: str = "", where: str = ""
    ) -> None:
        super().__init__(what, why=why, remedy=remedy, where=where, rule="storage")
        self.status = status
        self.code = code


def error_code(answer: Response) -> str:
    """Give storage's own name of an error."""
    named = answer.headers.get("x-ms-error-code")
    if named:
        return named
    found = _CODE.search(answer.body)
    return found[1].decode() if found else ""


_EXPLAINED = {
    "AuthenticationFailed": (
        "The key or signature does not fit, or has expired, or this machine's clock is wrong.",
        "Check AZURE_STORAGE_KEY, the connection string or the SAS, and the clock.",
    ),
    "AuthorizationPermissionMismatch": (
        "The identity or the SAS lacks a permission.",
        "Publishing needs the role Storage Blob Data Contributor, or a SAS with the permissions rcwl.",
    ),
    "AuthorizationFailure": (
        "The account's firewall, or its settings, keep this machine out.",
        "Allow this machine's address on the storage account, or run inside its network.",
    ),
    "KeyBasedAuthenticationNotPermitted": (
        "The account allows no keys.",
        "Sign in with Entra ID: --auth-mode login.",
    ),
    "ContainerNotFound": ("The container does not exist.", "Create it first, or add --create-container."),
    "Md5Mismatch": (
        "The file changed while it was sent, or its bytes did on their way.",
        "Run `vmpack verify`, then the same command again.",
    ),
    "LeaseIdMissing": ("Somebody holds a lease on the blob.", "Break the lease, or publish another version."),
    "BlobImmutableDueToPolicy": (
        "An immutability policy protects what is there.",
        "Publish another version.",
    ),
}
_ALIASES = {
    "InvalidAuthenticationInfo": "AuthenticationFailed",
    "AuthorizationServiceMismatch": "AuthorizationPermissionMismatch",
    "AuthorizationResourceTypeMismatch": "AuthorizationPermissionMismatch",
    "NoAuthenticationInformation": "AuthenticationFailed",
}


def refusal(answer: Response, url: str) -> StorageError:
    """Say what storage refused, why that happens, and what helps."""
    code = error_code(answer) or f"HTTP{answer.status}"
    found = _MESSAGE.search(answer.body)
    said = redact(found[1].decode("utf-8", "replace").strip()) if found else ""
    why, remedy = _EXPLAINED.get(_ALIASES.get(code, code), (said, ""))
    return StorageError(
        f"storage refused: {code} (status {answer.status})",
        status=answer.status,
        code=code,
        why=why,
        remedy=remedy,
        where=url,
    )
