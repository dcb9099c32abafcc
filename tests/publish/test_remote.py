"""A blob read like a file, comparing it with its release, listing and deleting."""

from dataclasses import replace

import pytest
from faultproxy import FaultProxy
from publish_support import QUICK, QUICK_OPTIONS, Emulator, chunks

from vmpack.errors import PublishError
from vmpack.publish import catalog
from vmpack.publish.compare import verify_remote
from vmpack.publish.container import Container
from vmpack.publish.destination import Destination
from vmpack.publish.remote import open_url
from vmpack.publish.run import publish
from vmpack.publish.wire import Request

pytestmark = pytest.mark.azurite


def test_reads_at_any_place(make_release, destination: Destination) -> None:
    data = b"".join(chunks(1, 10))
    url = publish(make_release([data]), destination, QUICK_OPTIONS).links.media.url
    read_at, size, _ = open_url(f'"{url}"', policy=QUICK)
    assert size == len(data)
    for offset, length in ((0, 10), (5, 100), (70_000, 50), (size - 1, 1), (0, size), (3, 0)):
        assert read_at(offset, length) == data[offset : offset + length]
    with pytest.raises(PublishError, match="beyond the end"):
        read_at(size, 1)


def test_only_what_is_read_is_fetched(make_release, destination: Destination, azurite: Emulator) -> None:
    data = b"".join(chunks(1, 50))
    with FaultProxy(azurite.port).running() as proxy:
        through = replace(destination, url=destination.url.replace(f":{azurite.port}/", f":{proxy.port}/"))
        url = publish(make_release([data]), through, QUICK_OPTIONS).links.media.url
        proxy.seen.clear()
        read_at, _, _ = open_url(url, policy=QUICK)
        for offset in range(0, 10_000, 500):
            read_at(offset, 500)
        assert [seen.method for seen in proxy.seen] == ["HEAD", "GET", "GET"]


def test_a_url_that_does_not_open_is_refused_without_its_signature(destination: Destination) -> None:
    with pytest.raises(PublishError, match="The SAS is not valid for source uri") as caught:
        open_url(f"{destination.url}/a/1.0.0/x?sp=r&sig=secret", policy=QUICK)
    assert "secret" not in str(caught.value)


def test_release_and_blobs_agree(make_release, destination: Destination) -> None:
    release = make_release(chunks(1, 10), config=b"{}")
    publish(release, destination, QUICK_OPTIONS)
    assert verify_remote(release, destination, QUICK_OPTIONS) == ()
    assert verify_remote(release, destination, QUICK_OPTIONS, read=True) == ()


def put(container: Container, blob: str, data: bytes, **metadata: str) -> None:
    headers = {"x-ms-blob-type": "BlockBlob", **{f"x-ms-meta-{k}": v for k, v in metadata.items()}}
    container.session.call(Request("PUT", container._path(blob), headers=headers, body=data), {201})


def test_what_differs_is_found(make_release, destination: Destination, container: Container) -> None:
    release = make_release([b"right"], config=b"{}")

    def rules(read: bool = False) -> list[str]:
        return [finding.rule for finding in verify_remote(release, destination, QUICK_OPTIONS, read=read)]

    put(container, "hello/1.0.0/hello.json", b"{}")
    assert rules() == ["link-missing"]
    put(container, "hello/1.0.0/hello.tar", b"too long")
    assert rules() == ["blob-size-differs"]
    put(container, "hello/1.0.0/hello.tar", b"wrong")
    assert rules() == ["blob-content-differs"]
    put(container, "hello/1.0.0/hello.tar", b"right", vmpack_sha256="ab" * 32)
    assert rules() == ["blob-digest-differs"]
    put(container, "hello/1.0.0/hello.tar", b"wrong", vmpack_sha256=release.package.sha256)
    assert rules() == []
    assert rules(read=True) == ["blob-content-differs"]


def test_blocks_that_differ_are_found_without_reading(make_release, destination: Destination) -> None:
    blocks = chunks(1, 10)
    publish(make_release(blocks), destination, QUICK_OPTIONS)
    other = make_release([*blocks[:3], bytes(len(blocks[3])), *blocks[4:]])
    rules = [finding.rule for finding in verify_remote(other, destination, QUICK_OPTIONS)]
    assert rules == ["blob-digest-differs", "blob-block-differs"]


def test_versions_are_listed_in_order(make_release, destination: Destination, container: Container) -> None:
    for name, version in (("b", "1.0.0"), ("a", "1.10.0"), ("a", "1.9.0")):
        publish(
            make_release([b"x" * 10], name=name, version=version, config=b"{}"), destination, QUICK_OPTIONS
        )
    put(container, "a/1.9.1/by-hand", b"x")
    put(container, "unrelated/file", b"x")
    put(container, "too/deep/1.0.0/file", b"x")
    found = catalog.versions(container)
    assert [(v.name, v.version, v.size, v.ours) for v in found] == [
        ("a", "1.9.0", 12, True),
        ("a", "1.9.1", 1, False),
        ("a", "1.10.0", 12, True),
        ("b", "1.0.0", 12, True),
    ]
    assert [v.version for v in catalog.versions(container, "b")] == ["1.0.0"]


def test_a_version_is_deleted_whole_and_alone(
    make_release, destination: Destination, container: Container
) -> None:
    for version in ("1.0.0", "1.0.1"):
        publish(make_release([b"x" * 10], version=version, config=b"{}"), destination, QUICK_OPTIONS)
    found = catalog.find(container, "hello", "1.0.0")
    assert catalog.delete(container, found) == ("hello/1.0.0/hello.json", "hello/1.0.0/hello.tar")
    assert [v.version for v in catalog.versions(container)] == ["1.0.1"]


def test_foreign_blobs_are_deleted_by_force_only(container: Container) -> None:
    put(container, "a/1.0.0/by-hand", b"x")
    with pytest.raises(PublishError, match="did not write"):
        catalog.find(container, "a", "1.0.0")
    assert catalog.delete(container, catalog.find(container, "a", "1.0.0", force=True)) == (
        "a/1.0.0/by-hand",
    )


def test_a_blob_that_changed_since_the_listing_is_not_deleted(container: Container) -> None:
    put(container, "a/1.0.0/x", b"x", vmpack_sha256="ab")
    found = catalog.find(container, "a", "1.0.0")
    put(container, "a/1.0.0/x", b"y", vmpack_sha256="ab")
    with pytest.raises(PublishError, match="ConditionNotMet"):
        catalog.delete(container, found)


def test_what_is_not_there_cannot_be_deleted(container: Container) -> None:
    with pytest.raises(PublishError, match="is not in this container"):
        catalog.find(container, "a", "1.0.0")
