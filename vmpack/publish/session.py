"""One conversation with storage: sign, send, try again, and make many calls at the same time."""

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from vmpack.errors import PublishError
from vmpack.publish.credentials import Credential
from vmpack.publish.refusals import error_code, refusal
from vmpack.publish.retry import RETRIED, THROTTLED, Gate, RetryPolicy, retry_after
from vmpack.publish.wire import CancelledError, Request, Response, TransportError, Wire
from vmpack.values import dataclass, field

One = TypeVar("One")
Other = TypeVar("Other")


class Round:
    """Calls that are made at the same time; the ``with`` block ends when all have.

    The first error calls the others off, and is raised. Calls of a round must not open rounds of their own: they
    would wait for the threads that they hold.
    """

    def __init__(self, wire: Wire, pool: ThreadPoolExecutor) -> None:
        self._wire = wire
        self._pool = pool
        self._futures: list[Future[Any]] = []

    def submit(self, call: Callable[[], One]) -> Future[One]:
        """Begin a call; its result is there after the ``with`` block."""
        future = self._pool.submit(call)
        self._futures.append(future)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._settle()
        except KeyboardInterrupt:
            self._call_off(self._futures)
            raise
        if error is not None:
            self._call_off(self._futures)

    def _settle(self) -> None:
        """Wait for all; after an error call the rest off, and raise the error that is not a mere echo of that."""
        done, rest = wait(self._futures, return_when=FIRST_EXCEPTION)
        if not rest and not any(future.exception() for future in done):
            return
        self._call_off(rest)
        errors = [future.exception() for future in self._futures if not future.cancelled()]
        raised = [error for error in errors if error is not None]
        raise next((error for error in raised if not isinstance(error, CancelledError)), raised[0])

    def _call_off(self, futures: Collection[Future[Any]]) -> None:
        self._wire.abort()
        for future in futures:
            future.cancel()
        wait(futures)


@dataclass(frozen=True, slots=True)
class Session:
    """What every request of one publish shares; safe to use from many threads."""

    wire: Wire
    credential: Credential
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    gate: Gate = field(default_factory=lambda: Gate(8))
    began: float = field(default_factory=time.monotonic)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8, "publish"))
    """The threads of all rounds; it starts one only when it needs one more."""

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
                trouble = _Trouble(
                    _unreachable(self.wire.url(request), str(error), attempt), attempts=error.attempts
                )
            else:
                if answer.status in accept:
                    self.gate.served()
                    return answer
                if answer.status in THROTTLED:
                    self.gate.throttled()
                trouble = _Trouble(refusal(answer, self.wire.url(request)), retry_after(answer.headers))
                if answer.status not in RETRIED or error_code(answer) == "FeatureNotSupported":
                    raise trouble.error
            self._pause(attempt, trouble)

    def round(self) -> Round:
        """Begin calls that are made at the same time."""
        return Round(self.wire, self.pool)

    def map(self, call: Callable[[Other], One], arguments: Sequence[Other]) -> list[One]:
        """Make one call for each argument, many at the same time; the first error calls the others off."""
        with self.round() as together:
            futures = [together.submit(partial(call, argument)) for argument in arguments]
        return [future.result() for future in futures]

    def warm(self, connections: int) -> None:
        """Have so many connections opened ahead of need, beside whatever comes next."""
        for _ in range(connections):
            self.pool.submit(self.wire.warm)

    def close(self) -> None:
        """End the threads and close all connections."""
        self.pool.shutdown(wait=True, cancel_futures=True)
        self.wire.close()

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


def _unreachable(url: str, what: str, attempt: int) -> PublishError:
    return PublishError(
        f"storage cannot be reached: {what}",
        why=f"{attempt} attempt{'s' if attempt > 1 else ''} failed.",
        remedy="Run the same command again: what has arrived is not sent twice.",
        where=url,
        rule="storage-unreachable",
    )
