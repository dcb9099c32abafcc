"""How often a publish waits for storage, and on which connections."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

import pytest
from faultproxy import FaultProxy, Seen
from publish_support import QUICK_OPTIONS, Emulator, chunks

from vmpack.errors import PublishError
from vmpack.publish.credentials import Anonymous
from vmpack.publish.destination import Destination
from vmpack.publish.run import publish
from vmpack.publish.session import Session
from vmpack.publish.wire import CancelledError, Request, Timeouts, Wire


@pytest.fixture
def proxy(azurite: Emulator) -> Iterator[FaultProxy]:
    with FaultProxy(azurite.port).running() as running:
        yield running


@pytest.fixture
def through(azurite: Emulator, proxy: FaultProxy, destination: Destination) -> Destination:
    return replace(destination, url=destination.url.replace(f":{azurite.port}/", f":{proxy.port}/"))


def kind(seen: Seen) -> str:
    return seen.kind if seen.kind in ("block", "copy", "commit") else "ask"


@pytest.mark.azurite
def test_package_and_config_travel_in_four_rounds(
    make_release, proxy: FaultProxy, through: Destination
) -> None:
    publish(make_release(chunks(1, 40), config=b"{}"), through, QUICK_OPTIONS)
    rounds = [(name, len(list(group))) for name, group in groupby(proxy.seen, kind)]
    assert [name for name, _ in rounds] == ["ask", "block", "commit", "ask"]
    assert rounds[0][1] == 3, "two block lists, one list of what is there"
    assert rounds[2][1] == 2
    assert rounds[3][1] == 6, "for each blob its block list, and its link with HEAD and GET"


@pytest.mark.azurite
def test_links_are_tried_without_credentials_on_connections_that_are_open(
    make_release, proxy: FaultProxy, through: Destination
) -> None:
    publish(make_release(chunks(1, 40), config=b"{}"), through, QUICK_OPTIONS)
    last = proxy.seen[-6:]
    assert all(seen.authorized for seen in proxy.seen[:-6])
    assert [("sig=" in seen.target, seen.authorized) for seen in last].count((True, False)) == 4
    assert [("sig=" in seen.target, seen.authorized) for seen in last].count((False, True)) == 2
    assert proxy.connections <= QUICK_OPTIONS.threads


@pytest.mark.azurite
def test_an_older_version_costs_one_round_more(make_release, proxy: FaultProxy, through: Destination) -> None:
    blocks = chunks(1, 12)
    publish(make_release(blocks), through, QUICK_OPTIONS)
    proxy.seen.clear()
    publish(make_release([*blocks, b"more"], version="1.0.1"), through, QUICK_OPTIONS)
    asked = [seen for seen in proxy.seen if kind(seen) == "ask"]
    assert len(asked) == 2 + 1 + 3


@pytest.mark.azurite
def test_what_stands_there_is_looked_at_beside_the_older_versions(
    make_release, proxy: FaultProxy, through: Destination
) -> None:
    publish(make_release(chunks(1, 12)), through, QUICK_OPTIONS)
    again = make_release(chunks(2, 12), version="1.0.1")
    publish(again, through, QUICK_OPTIONS)
    proxy.seen.clear()
    assert publish(again, through, QUICK_OPTIONS).package.existed
    assert len(proxy.seen) == 2 + 2 + 2, "list and blocks; HEAD and the older version's blocks; the link"


@pytest.fixture
def session() -> Iterator[Session]:
    found = Session(Wire("http://127.0.0.1:9", Timeouts(connect=1)), Anonymous())
    yield found
    found.close()


def test_the_first_error_calls_the_others_off_and_is_raised(session: Session) -> None:
    def fail() -> None:
        raise PublishError("no")

    def wait() -> None:
        assert session.wire.cancelled.wait(10)
        raise CancelledError

    with pytest.raises(PublishError, match="no"), session.round() as together:
        together.submit(wait)
        together.submit(fail)


def test_an_error_between_the_calls_calls_them_off_too(session: Session) -> None:
    ended = threading.Event()

    def wait() -> None:
        session.wire.cancelled.wait(10)
        ended.set()

    def broken() -> None:
        with session.round() as together:
            together.submit(wait)
            raise PublishError("here")

    with pytest.raises(PublishError, match="here"):
        broken()
    assert ended.is_set()


def test_results_come_in_the_order_of_the_arguments(session: Session) -> None:
    started = threading.Barrier(3)

    def call(number: int) -> int:
        started.wait(10)
        return number * number

    assert session.map(call, [3, 1, 2]) == [9, 1, 4]


@pytest.mark.azurite
def test_a_connection_opened_ahead_serves_the_next_request(proxy: FaultProxy) -> None:
    wire = Wire(f"http://127.0.0.1:{proxy.port}")
    wire.warm()
    wire.send(Request("GET", "/"), Anonymous())
    wire.send(Request("GET", "/"), Anonymous())
    wire.close()
    assert (proxy.connections, len(proxy.seen)) == (1, 2)


def test_warming_up_never_fails(session: Session) -> None:
    began = time.monotonic()
    session.wire.warm()
    session.wire.close()
    session.wire.warm()
    assert time.monotonic() - began < 10
