"""kill -9 at random moments, again and again, and two publishers at once."""

import os
import pickle
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from faultproxy import FaultProxy, Seen
from publish_support import QUICK_OPTIONS, Emulator, chunks, fresh_container, write_release

from vmpack.errors import PublishError
from vmpack.publish.container import Container
from vmpack.publish.destination import Destination
from vmpack.publish.model import Published
from vmpack.publish.run import opened, publish
from vmpack.release.model import Release

pytestmark = [pytest.mark.azurite, pytest.mark.slow]

_CHILD = """
import pickle, sys
from vmpack.publish.run import PublishOptions, publish
release, destination = pickle.load(open(sys.argv[1], "rb"))
publish(release, destination, PublishOptions(threads=3))
"""


@pytest.fixture
def proxy(azurite: Emulator) -> Iterator[FaultProxy]:
    with FaultProxy(azurite.port).running() as running:
        yield running


@pytest.fixture
def through(azurite: Emulator, proxy: FaultProxy) -> Destination:
    direct = fresh_container(azurite.url)
    return replace(direct, url=direct.url.replace(f":{azurite.port}/", f":{proxy.port}/"))


class _Killer:
    """Kills a process when so many requests of it have been seen."""

    def __init__(self, after: int, *, lost: bool) -> None:
        self.left, self.lost = after, lost
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self, _seen: Seen) -> str | None:
        self.left -= 1
        if self.left > 0 or self.process is None:
            return None
        os.kill(self.process.pid, signal.SIGKILL)
        return "lost-answer" if self.lost else "closed"


def _published_by_child(folder: Path, release: Release, destination: Destination, killer: _Killer) -> bool:
    """Publish in another process; tell whether it lived to the end."""
    job = folder / "job"
    job.write_bytes(pickle.dumps((release, destination)))
    killer.process = subprocess.Popen([sys.executable, "-c", _CHILD, str(job)], stderr=subprocess.DEVNULL)
    return killer.process.wait(60) == 0


def _content(container: Container, release: Release) -> bytes | None:
    blob = f"{release.name}/{release.version}/{release.package.file_name}"
    found = container.properties(blob)
    return None if found is None else container.read(blob, 0, found.size)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
@pytest.mark.parametrize("seed", range(6))
def test_killed_at_random_requests_it_resumes_and_sends_the_rest(
    seed: int, proxy: FaultProxy, through: Destination, tmp_path: Path
) -> None:
    source = random.Random(seed)
    blocks = chunks(seed, 60, 4000)
    whole = b"".join(blocks)
    release = write_release(tmp_path, blocks, name="killed", version="1.0.0")
    deaths = 0
    while deaths < 8:
        killer = _Killer(source.randint(1, 9), lost=source.random() < 0.5)
        proxy.decide = killer
        alive = _published_by_child(tmp_path, release, through, killer)
        deaths += not alive
        proxy.decide = lambda _seen: None
        with opened(through, QUICK_OPTIONS) as container:
            assert _content(container, release) in ((whole,) if alive else (None, whole))
        if alive:
            break
    arrived = [seen.block for seen in proxy.seen if seen.kind == "block" and seen.reached == 201]
    resumed = len(proxy.seen)
    published = publish(release, through, QUICK_OPTIONS)
    again = [seen for seen in proxy.seen[resumed:] if seen.kind == "block"]
    with opened(through, QUICK_OPTIONS) as container:
        assert _content(container, release) == whole
    assert not {seen.block for seen in again} & set(arrived)
    assert len(arrived) == len(set(arrived)), "a block that had arrived was sent again"
    assert published.tally.bytes_sent == sum(seen.body for seen in again)


def _both(releases: tuple[Release, Release], destination: Destination) -> list[Published | PublishError]:
    """Publish two releases at the same moment from two threads."""
    outcome: list[Published | PublishError] = []
    start = threading.Barrier(2)

    def work(release: Release) -> None:
        start.wait()
        try:
            outcome.append(publish(release, destination, QUICK_OPTIONS))
        except PublishError as error:
            outcome.append(error)

    threads = [threading.Thread(target=work, args=(release,)) for release in releases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcome


@pytest.mark.parametrize("seed", range(12))
def test_two_publishers_of_the_same_content_both_succeed(
    seed: int, destination: Destination, tmp_path: Path
) -> None:
    blocks = chunks(seed, 12, 3000)
    pair = tuple(write_release(tmp_path / which, blocks, name="twin", version="1.0.0") for which in "ab")
    outcome = _both((pair[0], pair[1]), destination)
    assert [type(one) for one in outcome] == [Published, Published]
    with opened(destination, QUICK_OPTIONS) as container:
        assert _content(container, pair[0]) == b"".join(blocks)


@pytest.mark.parametrize("seed", range(12))
def test_of_two_publishers_of_different_content_one_wins_and_one_is_told(
    seed: int, destination: Destination, tmp_path: Path
) -> None:
    shared = chunks(1000 + seed, 6, 3000)
    contents = [[*shared, *chunks(seed * 2 + which, 4, 3000)] for which in (0, 1)]
    pair = tuple(
        write_release(tmp_path / str(which), blocks, name="rival", version="1.0.0")
        for which, blocks in enumerate(contents)
    )
    outcome = _both((pair[0], pair[1]), destination)
    losers = [one for one in outcome if isinstance(one, PublishError)]
    winners = [one for one in outcome if isinstance(one, Published)]
    assert (len(winners), len(losers)) == (1, 1), outcome
    assert losers[0].rule == "blob-exists"
    with opened(destination, QUICK_OPTIONS) as container:
        found = _content(container, pair[0])
    won = next(
        b"".join(blocks)
        for blocks, made in zip(contents, pair, strict=True)
        if made.package.sha256 == winners[0].package.sha256
    )
    assert found == won
