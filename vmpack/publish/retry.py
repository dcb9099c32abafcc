"""When to try again, how long to wait, and how many requests may be on their way at once."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from vmpack.values import dataclass

RETRIED = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses worth another try. The SDK leaves 429 out and ignores Retry-After."""
THROTTLED = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter; seconds."""

    attempts: int = 8
    base: float = 0.5
    cap: float = 30
    longest_wait: float = 300
    """A server that asks for more than this is not waited for."""
    total: float | None = None
    """Time for the whole publish; None is no limit."""
    random: Callable[[], float] = random.random

    def delay(self, attempt: int, retry_after: float | None) -> float:
        """Give the pause after failed attempt number ``attempt`` (from 1); never less than the server asked for."""
        ceiling = min(self.cap, self.base * 2.0 ** (attempt - 1))
        jittered = ceiling * (0.5 + 0.5 * self.random())
        return max(jittered, retry_after or 0.0)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how many seconds the server asks to wait, in either of the ways it may say it."""
    for name, factor in (("x-ms-retry-after-ms", 0.001), ("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with contextlib.suppress(KeyError, ValueError):
            return max(0.0, float(headers[name]) * factor)
    with contextlib.suppress(KeyError, ValueError):
        when = parsedate_to_datetime(headers["retry-after"])
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    return None


class Gate:
    """Lets so many requests run at once; halves when storage throttles, widens again while it does not."""

    def __init__(self, width: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = width
        """How many may ever run."""
        self._width = float(width)
        self._running = 0
        self._narrowed = float("-inf")
        self._clock = clock
        self._free = threading.Condition()

    def begin_with(self, width: int) -> None:
        """Let no more than so many run for now; more may when all goes well."""
        with self._free:
            self._width = min(self._width, float(width))

    @property
    def width(self) -> int:
        """How many may run now."""
        return max(1, int(self._width))

    @contextlib.contextmanager
    def passage(self) -> Iterator[None]:
        """Wait for a place and hold it."""
        with self._free:
            self._free.wait_for(lambda: self._running < self.width)
            self._running += 1
        try:
            yield
        finally:
            with self._free:
                self._running -= 1
                self._free.notify_all()

    def throttled(self) -> None:
        """Storage asked for less: halve, once a second at most, because many requests hear the same complaint."""
        with self._free:
            if self._clock() - self._narrowed >= 1:
                self._width = max(1.0, self._width / 2)
                self._narrowed = self._clock()

    def served(self) -> None:
        """Take note of a request that went well: after as many of them as fit at once, one more may run."""
        with self._free:
            self._width = min(float(self.most), self._width + 1 / self._width)
            self._free.notify_all()
