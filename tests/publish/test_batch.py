"""Several releases at once."""

import threading
from dataclasses import replace

import pytest
from publish_support import QUICK_OPTIONS, chunks

from vmpack.errors import PublishError
from vmpack.publish import batch
from vmpack.publish.batch import Job, publish_many
from vmpack.publish.destination import Destination
from vmpack.publish.model import Published


class Bar:
    """Counts what a progress bar is told."""

    def __init__(self) -> None:
        self.totals: list[int] = []
        self.moved = 0
        self.ended = 0
        self._lock = threading.Lock()

    def begin(self, label: str, total: int) -> None:
        self.totals.append(total)

    def advance(self, amount: int) -> None:
        with self._lock:
            self.moved += amount

    def end(self) -> None:
        self.ended += 1


@pytest.mark.azurite
def test_outcomes_come_in_the_order_given_and_one_error_stops_nothing(
    make_release, destination: Destination
) -> None:
    releases = [
        make_release(chunks(1, 5), name="a", version="1.0.1"),
        make_release([b""], name="b"),
        make_release(chunks(1, 5), name="a", version="1.0.0"),
        make_release(chunks(2, 5), name="c"),
    ]
    bar = Bar()
    options = replace(QUICK_OPTIONS, progress=bar)
    found = publish_many([Job(release, destination) for release in releases], options)
    assert [type(one) for one in found] == [Published, PublishError, Published, Published]
    assert bar.totals == [sum(release.package.size for release in releases)]
    assert bar.moved == bar.totals[0]
    assert bar.ended == 1
    newer = found[0]
    assert isinstance(newer, Published)
    assert newer.tally.bytes_sent == 0, "version 1.0.1 was copied from 1.0.0, which goes first"


def test_versions_of_one_application_never_run_at_once(
    make_release, destination_stub: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: dict[str, int] = {}
    most: dict[str, int] = {}
    together = threading.Barrier(2, timeout=10)
    lock = threading.Lock()

    def publish(release, _destination, _options):
        with lock:
            running[release.name] = running.get(release.name, 0) + 1
            most[release.name] = max(most.get(release.name, 0), running[release.name])
        together.wait()
        with lock:
            running[release.name] -= 1
        raise PublishError(release.version)

    monkeypatch.setattr(batch, "publish", publish)
    releases = [make_release([b"x"], name=n, version=v) for n in "ab" for v in ("1.0.10", "1.0.9", "1.0.0")]
    found = publish_many([Job(release, destination_stub) for release in releases], QUICK_OPTIONS, parallel=4)
    assert most == {"a": 1, "b": 1}, "two applications at once, but one version of each"
    assert [str(one) for one in found] == ["1.0.10", "1.0.9", "1.0.0"] * 2


@pytest.fixture
def destination_stub() -> Destination:
    from vmpack.publish.credentials import Anonymous

    return Destination("none", "http://127.0.0.1:1/none/c", Anonymous(), None)
