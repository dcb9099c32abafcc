"""One conversation with storage: sign, send, try again, and turn refusals into sentences."""

import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from vmpack.errors import PublishError
from vmpack.publish.credentials import Credential
from vmpack.publish.redact import redact
from vmpack.publish.retry import RETRIED, THROTTLED, Gate, RetryPolicy, retry_after
from vmpack.publish.wire import CancelledError, Request, Response, TransportError, Wire

One = TypeVar("One")
Other = TypeVar("Other")

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
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self.wire.send(request, self.credential)
            except TransportError as error:
                trouble = _Trouble(_unreachable(request.path, str(error), attempt), attempts=error.attempts)
            else:
                if answer.status in accept:
                    self.gate.served()
                    return answer
                if answer.status in THROTTLED:
                    self.gate.throttled()
                trouble = _Trouble(refusal(answer, request.path), retry_after(answer.headers))
                if answer.status not in RETRIED or error_code(answer) == "FeatureNotSupported":
                    raise trouble.error
            self._pause(attempt, trouble)

    def both(self, first: Callable[[], One], second: Callable[[], Other]) -> tuple[One, Other]:
        """Make two calls at the same time; the first error calls the other off."""
        with self._calling(2) as pool:
            futures = pool.submit(first), pool.submit(second)
            self._settle(futures)
            return futures[0].result(), futures[1].result()

    def map(self, call: Callable[[Other], One], arguments: Sequence[Other], threads: int = 8) -> list[One]:
        """Make one call for each argument, many at the same time; the first error calls the others off."""
        with self._calling(max(1, min(threads, len(arguments)))) as pool:
            futures = [pool.submit(call, argument) for argument in arguments]
            self._settle(futures)
            return [future.result() for future in futures]

    @contextmanager
    def _calling(self, threads: int) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(threads, "publish") as pool:
            try:
                yield pool
            except BaseException:
                self.wire.abort()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _settle(self, futures: Sequence[Future[Any]]) -> None:
        """Wait for all; after an error call the rest off, and raise the error that is not a mere echo of that."""
        done, rest = wait(futures, return_when=FIRST_EXCEPTION)
        if not rest and not any(future.exception() for future in done):
            return
        self.wire.abort()
        for future in rest:
            future.cancel()
        wait(futures)
        errors = [future.exception() for future in futures if not future.cancelled()]
        raised = [error for error in errors if error is not None]
        raise next((error for error in raised if not isinstance(error, CancelledError)), raised[0])

    def _pause(self, attempt: int, trouble: "_Trouble") -> None:
        """Wait before the next attempt, or raise when there is none."""
        delay = self.policy.delay(attempt, trouble.asked)
        last = attempt >= min(trouble.attempts, self.policy.attempts) or delay > self.policy.longest_wait
        late = self.policy.total is not None and time.monotonic() + delay > self.began + self.policy.total
        if last or late:
            raise trouble.error
        if self.wire.cancelled.wait(delay):
            raise CancelledError


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What went wrong with one attempt, and what is known about trying again."""

    error: PublishError
    asked: float | None = None
    """Seconds that storage asks to wait."""
    attempts: int = 1000
    """How many are worth making."""


def _unreachable(path: str, what: str, attempt: int) -> PublishError:
    return PublishError(
        f"storage cannot be reached: {what}",
        why=f"{attempt} attempt{'s' if attempt > 1 else ''} failed.",
        remedy="Run the same command again: what has arrived is not sent twice.",
        where=path,
        rule="storage-unreachable",
    )


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
