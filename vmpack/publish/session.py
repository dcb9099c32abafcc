"""One conversation with storage: sign, send, try again, and turn refusals into sentences."""

import re
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from vmpack.errors import PublishError
from vmpack.publish.credentials import Credential
from vmpack.publish.redact import redact
from vmpack.publish.retry import RETRIED, THROTTLED, Gate, RetryPolicy, retry_after
from vmpack.publish.wire import CancelledError, Request, Response, TransportError, Wire

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


@dataclass(frozen=True, slots=True)
class Session:
    """What every request of one publish shares; safe to use from many threads."""

    wire: Wire
    credential: Credential
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    gate: Gate = field(default_factory=lambda: Gate(8))
    began: float = field(default_factory=time.monotonic)

    def call(self, request: Request, accept: Collection[int]) -> Response:
        """Send until an answer with one of the accepted statuses arrives.

        Raises StorageError when storage refuses for good, PublishError when it cannot be reached, CancelledError
        when the publish is given up meanwhile.
        """
        for attempt in range(1, self.policy.attempts + 1):
            try:
                answer = self.wire.send(request, self.credential)
            except TransportError as error:
                self._pause(attempt, None, str(error), request, most=error.attempts)
                continue
            if answer.status in accept:
                self.gate.served()
                return answer
            if answer.status in THROTTLED:
                self.gate.throttled()
            if answer.status not in RETRIED or error_code(answer) == "FeatureNotSupported":
                raise refusal(answer, request.path)
            self._pause(attempt, retry_after(answer.headers), f"status {answer.status}", request, answer)
        raise AssertionError("unreachable: the last pause raises")

    def _pause(
        self,
        attempt: int,
        asked: float | None,
        what: str,
        request: Request,
        answer: Response | None = None,
        *,
        most: int = 1000,
    ) -> None:
        """Wait before the next attempt, or raise when there is none."""
        delay = self.policy.delay(attempt, asked)
        left = None if self.policy.total is None else self.began + self.policy.total - time.monotonic()
        if (
            attempt >= min(most, self.policy.attempts)
            or delay > self.policy.longest_wait
            or (left is not None and delay > left)
        ):
            if answer is not None:
                raise refusal(answer, request.path)
            raise PublishError(
                f"storage cannot be reached: {what}",
                why=f"{attempt} attempt{'s' if attempt > 1 else ''} failed.",
                remedy="Run the same command again: what has arrived is not sent twice.",
                where=request.path,
                rule="storage-unreachable",
            )
        if self.wire.cancelled.wait(delay):
            raise CancelledError


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


def refusal(answer: Response, path: str) -> StorageError:
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
        where=path,
    )
