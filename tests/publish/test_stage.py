"""Blocks on their way while the package is still being made."""

import hashlib
import threading
from dataclasses import replace
from urllib.request import urlopen

import pytest
from publish_support import QUICK_OPTIONS, chunks

from vmpack.errors import BuildError, PublishError
from vmpack.package.model import Block, BlockObserver
from vmpack.publish.container import CREATE_ONLY, Container
from vmpack.publish.destination import Destination
from vmpack.publish.run import publish
from vmpack.publish.stage import Coming, Stager, build_and_publish

pytestmark = pytest.mark.azurite
COMING = Coming("hello", "1.0.0", "hello.tar")
BIG = 100_000


def observed(blocks: list[bytes], observer: BlockObserver | None) -> None:
    """Tell the observer of blocks as a build does: in any order."""
    offsets = [sum(map(len, blocks[:index])) for index in range(len(blocks))]
    for data, offset in reversed(list(zip(blocks, offsets, strict=True))):
        if observer:
            observer(Block(offset, len(data), hashlib.sha256(data).hexdigest()), data)


def test_blocks_travel_during_the_build_and_not_again(
    make_release, destination: Destination, container: Container
) -> None:
    blocks = chunks(1, 20, 2 * BIG)
    seen = []

    def build(observer: BlockObserver | None):
        observed(blocks, observer)
        seen.append(len(container.block_lists("hello/1.0.0/hello.tar").uncommitted))
        return make_release(blocks)

    published = build_and_publish(COMING, build, destination, QUICK_OPTIONS)
    assert seen[0] > 0
    with urlopen(published.links.media.url) as answer:
        assert answer.read() == b"".join(blocks)
    assert published.tally.bytes_sent == published.tally.bytes_total == len(b"".join(blocks))
    assert published.tally.blocks_sent == published.tally.blocks_total == 20


def test_what_storage_loses_after_the_build_is_sent_again_and_counted(
    make_release, destination: Destination, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = chunks(1, 10, 2 * BIG)
    arrived = threading.Event()
    put_block = Container.put_block

    def told(self: Container, *arguments) -> None:
        put_block(self, *arguments)
        arrived.set()

    def build(observer: BlockObserver | None):
        monkeypatch.setattr(Container, "put_block", told)
        observed(blocks, observer)
        assert arrived.wait(10)
        etag = container.commit("hello/1.0.0/hello.tar", (), condition=CREATE_ONLY, metadata={})
        container.delete("hello/1.0.0/hello.tar", etag)
        return make_release(blocks)

    tally = build_and_publish(COMING, build, destination, QUICK_OPTIONS).tally
    assert tally.bytes_sent > tally.bytes_total
    assert tally.bytes_reused == tally.blocks_reused == 0


def test_what_an_older_version_has_does_not_travel(make_release, destination: Destination) -> None:
    blocks = chunks(1, 10, 2 * BIG)
    publish(make_release(blocks, version="0.9.0"), destination, QUICK_OPTIONS)
    changed = [*blocks[:4], bytes(BIG), *blocks[5:]]

    def build(observer: BlockObserver | None):
        observed(changed, observer)
        return make_release(changed)

    published = build_and_publish(COMING, build, destination, QUICK_OPTIONS)
    assert published.tally.bytes_sent == BIG


def test_a_published_version_is_left_alone_during_the_build(make_release, destination: Destination) -> None:
    blocks = chunks(1, 3, 2 * BIG)
    publish(make_release(blocks), destination, QUICK_OPTIONS)
    observers = []

    def build(observer: BlockObserver | None):
        observers.append(observer)
        return make_release(blocks)

    assert build_and_publish(COMING, build, destination, QUICK_OPTIONS).package.existed
    assert observers == [None]


def test_a_failing_build_ends_everything(destination: Destination, container: Container) -> None:
    def build(observer: BlockObserver | None):
        observed(chunks(1, 5, 2 * BIG), observer)
        raise BuildError("no")

    with pytest.raises(BuildError):
        build_and_publish(COMING, build, destination, QUICK_OPTIONS)
    assert container.properties("hello/1.0.0/hello.tar") is None


def test_storage_is_asked_before_the_build(make_release, destination: Destination) -> None:
    def build(_observer: BlockObserver | None):
        raise AssertionError("nothing may be built")

    missing = replace(destination, url=f"{destination.url}x")
    with pytest.raises(PublishError, match="ContainerNotFound"):
        build_and_publish(COMING, build, missing, QUICK_OPTIONS)


def test_a_fast_build_waits_for_room(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the bound is held, however fast blocks come."""
    monkeypatch.setattr("vmpack.publish.stage._ROOM", 3 * BIG)
    held: list[int] = []
    lock = threading.Lock()
    with Stager(container, "a/1.0.0/x", frozenset(), 2) as stager:
        put = container.put_block

        def counted(*arguments) -> None:
            with lock:
                held.append(stager._held)
            put(*arguments)

        monkeypatch.setattr(type(container), "put_block", lambda _self, *arguments: counted(*arguments))
        observed([bytes([n]) * BIG for n in range(12)], stager.observe)
    assert len(held) == 12
    assert max(held) <= 3 * BIG
