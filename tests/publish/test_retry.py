"""Pauses, Retry-After, and the gate that narrows when storage throttles."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from vmpack.errors import PublishError
from vmpack.publish.credentials import Anonymous
from vmpack.publish.refusals import StorageError
from vmpack.publish.retry import Gate, RetryPolicy, retry_after
from vmpack.publish.session import Session
from vmpack.publish.wire import Request, Response, TransportError, Wire


def test_pauses_double_up_to_a_cap() -> None:
    policy = RetryPolicy(base=1, cap=10, random=lambda: 1.0)
    assert [policy.delay(attempt, None) for attempt in range(1, 6)] == [1, 2, 4, 8, 10]


def test_jitter_takes_off_up_to_half() -> None:
    assert RetryPolicy(base=1, random=lambda: 0.0).delay(1, None) == 0.5


def test_never_less_than_the_server_asks_for() -> None:
    assert RetryPolicy(base=1).delay(1, 7.5) == 7.5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({}, None),
        ({"retry-after": "soon"}, None),
    ],
)
def test_retry_after_in_seconds(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date() -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    found = retry_after({"retry-after": when})
    assert found is not None
    assert 25 < found <= 30


def test_the_gate_halves_once_a_second_and_opens_again() -> None:
    now = [0.0]
    gate = Gate(8, clock=lambda: now[0])
    gate.throttled()
    gate.throttled()
    assert gate.width == 4
    now[0] = 1.5
    gate.throttled()
    assert gate.width == 2
    for _ in range(5):
        gate.served()
    assert gate.width == 3
    for _ in range(100):
        gate.served()
    assert gate.width == 8


def test_a_gate_that_begins_narrow_widens_while_all_goes_well() -> None:
    gate = Gate(24)
    gate.begin_with(8)
    assert gate.width == 8
    for _ in range(9):
        gate.served()
    assert gate.width == 9
    for _ in range(400):
        gate.served()
    assert gate.width == 24


def test_a_narrow_gate_does_not_widen_by_beginning() -> None:
    gate = Gate(4)
    gate.begin_with(8)
    assert gate.width == 4


class Scripted(Wire):
    """Answers from a list; an exception in it is raised."""

    def __init__(self, *answers: Response | Exception) -> None:
        super().__init__("http://127.0.0.1:1")
        self.answers = list(answers)

    def send(self, request: Request, credential: object) -> Response:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def session(*answers: Response | Exception, **policy: float) -> tuple[Session, Scripted]:
    wire = Scripted(*answers)
    found = Session(wire, Anonymous(), RetryPolicy(**{"attempts": 4, "base": 0.0001, **policy}))
    return found, wire


OK = Response(201, {}, b"")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_troubles_are_tried_again(status: int) -> None:
    found, wire = session(Response(status, {}, b""), TransportError("reset"), OK)
    assert found.call(Request("PUT", "/x"), {201}) == OK
    assert not wire.answers


def test_throttling_narrows_the_gate() -> None:
    found, _ = session(Response(429, {"retry-after": "0"}, b""), OK)
    found.call(Request("PUT", "/x"), {201})
    assert found.gate.width == 4


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 501])
def test_refusals_are_final(status: int) -> None:
    found, wire = session(Response(status, {"x-ms-error-code": "Some"}, b""), OK)
    with pytest.raises(StorageError) as caught:
        found.call(Request("PUT", "/x"), {201})
    assert (caught.value.status, caught.value.code) == (status, "Some")
    assert wire.answers


def test_a_missing_feature_is_final_although_it_says_500() -> None:
    body = b"<Error><Code>FeatureNotSupported</Code><Message>no sig=secret&amp;x</Message></Error>"
    found, _ = session(Response(500, {}, body), OK)
    with pytest.raises(StorageError, match="FeatureNotSupported") as caught:
        found.call(Request("PUT", "/x"), {201})
    assert "secret" not in str(caught.value)


def test_attempts_run_out() -> None:
    found, _ = session(*[TransportError("connection reset")] * 4)
    with pytest.raises(
        PublishError, match=r"cannot be reached: connection reset 4 attempts failed"
    ) as caught:
        found.call(Request("PUT", "/x"), {201})
    assert "not sent twice" in caught.value.remedy


def test_the_last_refusal_is_the_one_that_is_told() -> None:
    found, _ = session(*[Response(503, {"x-ms-error-code": "ServerBusy"}, b"")] * 4)
    with pytest.raises(StorageError, match="ServerBusy"):
        found.call(Request("PUT", "/x"), {201})


def test_the_total_deadline_ends_retrying() -> None:
    found, wire = session(TransportError("reset"), OK, base=5, total=1)
    with pytest.raises(PublishError, match="1 attempt failed"):
        found.call(Request("PUT", "/x"), {201})
    assert wire.answers == [OK]


def test_a_server_that_asks_for_too_much_patience_is_not_waited_for() -> None:
    found, _ = session(Response(503, {"retry-after": "3600"}, b""), OK)
    with pytest.raises(StorageError):
        found.call(Request("PUT", "/x"), {201})
