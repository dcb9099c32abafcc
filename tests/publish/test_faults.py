"""Whatever the network does, a blob is either absent or exactly right, and nothing is sent twice without need."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from faultproxy import FAULTS, FaultProxy, Seen, seeded
from publish_support import QUICK_OPTIONS, Emulator, chunks, fresh_container, write_release

from vmpack.errors import PublishError
from vmpack.publish.container import Container
from vmpack.publish.destination import Destination
from vmpack.publish.retry import RetryPolicy
from vmpack.publish.run import PublishOptions, opened, publish
from vmpack.publish.wire import Timeouts
from vmpack.release.model import Release

pytestmark = [pytest.mark.azurite, pytest.mark.slow]

TIMEOUTS = Timeouts(connect=2, stall=0.25, request=5)
PATIENT = PublishOptions(policy=RetryPolicy(attempts=12, base=0.001, cap=0.01), timeouts=TIMEOUTS, threads=4)
IMPATIENT = replace(PATIENT, policy=RetryPolicy(attempts=2, base=0.001, cap=0.01))


@pytest.fixture(scope="module")
def proxy(azurite: Emulator) -> Iterator[FaultProxy]:
    with FaultProxy(azurite.port).running() as running:
        yield running


@pytest.fixture(scope="module")
def direct(azurite: Emulator) -> Destination:
    return fresh_container(azurite.url)


@pytest.fixture(scope="module")
def through(direct: Destination, proxy: FaultProxy, azurite: Emulator) -> Destination:
    """The same container, seen through the proxy."""
    return replace(direct, url=direct.url.replace(f":{azurite.port}/", f":{proxy.port}/"))


@pytest.fixture
def truth(direct: Destination) -> Iterator[Container]:
    """The container without the proxy, to see what is really there."""
    with opened(direct, QUICK_OPTIONS) as container:
        yield container


def content(truth: Container, release: Release) -> bytes | None:
    """Read the package's blob as it is."""
    blob = f"{release.name}/{release.version}/{release.package.file_name}"
    found = truth.properties(blob)
    return None if found is None else truth.read(blob, 0, found.size)


def only(kind: str, fault: str, times: int) -> "Once":
    return Once(kind, fault, times)


class Once:
    """Let the first requests of a kind meet a fault."""

    def __init__(self, kind: str, fault: str, times: int) -> None:
        self.kind, self.fault, self.left = kind, fault, times

    def __call__(self, seen: Seen) -> str | None:
        if seen.kind != self.kind or self.left == 0:
            return None
        self.left -= 1
        return self.fault


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", ["block", "commit", "GET", "HEAD"])
def test_one_fault_at_every_kind_of_request_is_survived(
    kind: str, fault: str, proxy: FaultProxy, through: Destination, truth: Container, tmp_path: Path
) -> None:
    blocks = chunks(1, 6, 3000)
    release = write_release(tmp_path, blocks, name=f"{kind}-{fault}".lower(), version="1.0.0")
    proxy.decide = once = only(kind, fault, 2)
    publish(release, through, PATIENT)
    assert once.left < 2
    assert content(truth, release) == b"".join(blocks)


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_at_a_copy_is_survived(
    fault: str, proxy: FaultProxy, through: Destination, direct: Destination, truth: Container, tmp_path: Path
) -> None:
    blocks = chunks(1, 6, 3000)
    name = f"copy-{fault}"
    publish(write_release(tmp_path, blocks, name=name, version="1.0.0"), direct, PATIENT)
    blocks[2] = b"changed"
    release = write_release(tmp_path, blocks, name=name, version="1.0.1")
    proxy.decide = once = only("copy", fault, 1)
    published = publish(release, through, PATIENT)
    assert once.left == 0
    assert content(truth, release) == b"".join(blocks)
    assert published.tally.bytes_sent == len(b"changed")


def test_a_lost_commit_is_recognised_as_won(
    proxy: FaultProxy, through: Destination, truth: Container, tmp_path: Path
) -> None:
    release = write_release(tmp_path, chunks(1, 6, 3000), name="lost", version="1.0.0")
    proxy.seen.clear()
    proxy.decide = only("commit", "lost-answer", 1)
    publish(release, through, PATIENT)
    assert [seen.reached for seen in proxy.seen if seen.kind == "commit"] == [201, 409]


@pytest.mark.parametrize("decade", range(20))
def test_fifty_seeded_runs(
    decade: int, proxy: FaultProxy, through: Destination, truth: Container, tmp_path: Path
) -> None:
    """Twenty times fifty makes a thousand."""
    for seed in range(decade * 50, decade * 50 + 50):
        release = _one_run(seed, proxy, through, truth, tmp_path)
        assert content(truth, release) == release.package.path.read_bytes(), seed


def _one_run(seed: int, proxy: FaultProxy, through: Destination, truth: Container, folder: Path) -> Release:
    """Publish through faults, impatiently, until it works; look at storage after each attempt."""
    blocks = chunks(seed, 8, 1500)
    whole = b"".join(blocks)
    if seed % 10 == 0:
        older = write_release(folder, [*blocks[:3], b"old", *blocks[4:]], name=f"run{seed}", version="0.9.0")
        publish(older, through, PATIENT)
    release = write_release(folder, blocks, name=f"run{seed}", version="1.0.0")
    before = len(proxy.seen)
    proxy.decide = seeded(seed, 0.25, _CHEAP if seed % 25 else FAULTS)
    for _ in range(3):
        try:
            publish(release, through, IMPATIENT)
        except PublishError:
            assert content(truth, release) in (None, whole), seed
        else:
            break
    proxy.decide = lambda _seen: None
    arrived = {seen.block for seen in proxy.seen[before:] if seen.kind == "block" and seen.reached == 201}
    resumed = len(proxy.seen)
    published = publish(release, through, PATIENT)
    again = [seen for seen in proxy.seen[resumed:] if seen.kind == "block"]
    assert not [seen for seen in again if seen.block in arrived], f"seed {seed} sent a block again"
    assert published.tally.bytes_sent == sum(seen.body for seen in again)
    return release


_CHEAP = tuple(fault for fault in FAULTS if fault != "stall")
"""A stall costs its time-out; one run in twenty-five may have them."""
