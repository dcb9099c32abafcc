"""Publishing whole releases to a real Azurite."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from publish_support import ACCOUNT, KEY, QUICK_OPTIONS, chunks, fresh_container

from vmpack.errors import PublishError
from vmpack.publish.blocks import block_id
from vmpack.publish.container import Container
from vmpack.publish.credentials import SasToken
from vmpack.publish.destination import Destination
from vmpack.publish.model import Part
from vmpack.publish.run import publish
from vmpack.publish.wire import Request

pytestmark = pytest.mark.azurite


def fetched(url: str) -> bytes:
    with urlopen(url) as answer:
        data: bytes = answer.read()
        return data


def test_package_and_config_are_stored_under_speaking_names(make_release, destination: Destination) -> None:
    blocks = chunks(1, 20)
    published = publish(make_release(blocks, config=b"{}"), destination, QUICK_OPTIONS)
    assert published.package.name == "hello/1.0.0/hello.tar"
    assert fetched(published.links.media.url) == b"".join(blocks)
    assert published.links.config is not None
    assert fetched(published.links.config.url) == b"{}"
    assert published.tally.bytes_sent == published.tally.bytes_total == len(b"".join(blocks)) + 2


def test_blobs_carry_their_digest_and_are_block_blobs(
    make_release, destination: Destination, container: Container
) -> None:
    release = make_release(chunks(1, 3))
    publish(release, destination, QUICK_OPTIONS)
    found = container.properties("hello/1.0.0/hello.tar")
    assert found is not None
    assert found.type == "BlockBlob"
    assert found.metadata["vmpack_sha256"] == release.package.sha256


def test_the_same_again_sends_nothing(make_release, destination: Destination) -> None:
    release = make_release(chunks(1, 20), config=b"{}")
    first = publish(release, destination, QUICK_OPTIONS)
    again = publish(release, destination, QUICK_OPTIONS)
    assert again.package.existed
    assert again.tally.bytes_sent == again.tally.blocks_sent == 0
    assert again.tally.bytes_total == first.tally.bytes_total
    assert again.package.etag == first.package.etag


def test_other_content_under_the_same_version_is_refused(make_release, destination: Destination) -> None:
    publish(make_release(chunks(1, 5)), destination, QUICK_OPTIONS)
    with pytest.raises(PublishError, match="published already, with other content") as caught:
        publish(make_release(chunks(2, 5)), destination, QUICK_OPTIONS)
    assert "same version" in caught.value.why
    assert "--overwrite" in caught.value.remedy


def test_overwrite_replaces_and_reuses_what_stays(make_release, destination: Destination) -> None:
    blocks = chunks(1, 12)
    publish(make_release(blocks), destination, QUICK_OPTIONS)
    changed = [*blocks[:-1], b"another last block"]
    published = publish(make_release(changed), destination, replace(QUICK_OPTIONS, overwrite=True))
    assert fetched(published.links.media.url) == b"".join(changed)
    assert published.tally.bytes_sent < len(b"".join(changed)) / 2


def test_a_blob_of_another_tool_with_the_same_bytes_is_recognised_by_reading_it(
    make_release, destination: Destination, container: Container
) -> None:
    release = make_release([b"the same bytes"])
    upload = Request(
        "PUT",
        container._path("hello/1.0.0/hello.tar"),
        headers={"x-ms-blob-type": "BlockBlob"},
        body=b"the same bytes",
    )
    container.session.call(upload, {201})
    published = publish(release, destination, QUICK_OPTIONS)
    assert published.package.existed
    assert published.tally.bytes_sent == 0


@pytest.mark.parametrize("count", [30])
def test_the_next_version_sends_only_what_is_new(make_release, destination: Destination, count: int) -> None:
    blocks = chunks(1, count)
    publish(make_release(blocks), destination, QUICK_OPTIONS)
    changed = [*blocks[:7], b"new" * 1000, *blocks[8:]]
    published = publish(make_release(changed, version="1.0.1"), destination, QUICK_OPTIONS)
    assert fetched(published.links.media.url) == b"".join(changed)
    assert (published.tally.bytes_sent, published.tally.blocks_sent) == (3000, 1)
    assert published.package.notes == ()


def test_versions_stay_cheap_after_the_first_ones_are_gone(
    make_release, destination: Destination, container: Container
) -> None:
    blocks = chunks(1, 30)
    publish(make_release(blocks), destination, QUICK_OPTIONS)
    for patch in range(1, 4):
        blocks[patch * 5] = bytes([patch]) * 2000
        release = make_release(blocks, version=f"1.0.{patch}")
        published = publish(release, destination, QUICK_OPTIONS)
        assert published.tally.bytes_sent == 2000
        gone = container.properties(f"hello/1.0.{patch - 1}/hello.tar")
        assert gone is not None
        assert container.delete(f"hello/1.0.{patch - 1}/hello.tar", gone.etag)
    assert fetched(published.links.media.url) == b"".join(blocks)


def test_blocks_of_another_application_are_not_looked_at(make_release, destination: Destination) -> None:
    blocks = chunks(1, 5)
    publish(make_release(blocks), destination, QUICK_OPTIONS)
    published = publish(make_release(blocks, name="other"), destination, QUICK_OPTIONS)
    assert published.tally.bytes_sent == published.tally.bytes_total


def test_a_file_that_changed_since_the_build_is_not_published(
    make_release, destination: Destination, container: Container
) -> None:
    release = make_release(chunks(1, 5))
    data = bytearray(release.package.path.read_bytes())
    data[-1] ^= 1
    release.package.path.write_bytes(data)
    with pytest.raises(PublishError, match="changed since the release was built") as caught:
        publish(release, destination, QUICK_OPTIONS)
    assert caught.value.where == str(release.package.path)
    assert container.properties("hello/1.0.0/hello.tar") is None


@pytest.mark.parametrize("by_build", [True, False])
def test_a_file_that_changes_while_it_is_sent_is_not_published(
    make_release,
    destination: Destination,
    container: Container,
    monkeypatch: pytest.MonkeyPatch,
    by_build: bool,
) -> None:
    """Whether the build took the MD5 of its blocks or it was taken a moment before."""
    release = make_release(chunks(1, 3))
    release = release if by_build else replace(release, parcels=())
    put_block = Container.put_block

    def late(self: Container, *arguments: Any) -> None:
        release.package.path.write_bytes(bytes(release.package.size))
        put_block(self, *arguments)

    monkeypatch.setattr(Container, "put_block", late)
    with pytest.raises(PublishError, match="changed since the release was built"):
        publish(release, destination, QUICK_OPTIONS)
    assert container.properties("hello/1.0.0/hello.tar") is None


def test_a_release_without_md5_is_hashed_while_it_is_published(
    make_release, destination: Destination
) -> None:
    blocks = chunks(1, 9)
    release = replace(make_release(blocks), parcels=())
    assert fetched(publish(release, destination, QUICK_OPTIONS).links.media.url) == b"".join(blocks)


def test_a_wrong_md5_in_the_report_costs_an_attempt_and_no_more(
    make_release, destination: Destination
) -> None:
    blocks = chunks(1, 9)
    release = make_release(blocks)
    wrong = [replace(parcel, md5="00" * 16) for parcel in release.parcels]
    published = publish(replace(release, parcels=tuple(wrong)), destination, QUICK_OPTIONS)
    assert fetched(published.links.media.url) == b"".join(blocks)
    assert published.tally.bytes_sent == len(b"".join(blocks))


def test_storage_refuses_what_was_damaged_on_the_way(container: Container) -> None:
    name = block_id([Part(0, 4, "ab" * 32)])
    with pytest.raises(PublishError, match="Md5Mismatch") as caught:
        container.put_block("hello/1.0.0/hello.tar", name, b"data", hashlib.md5(b"date").digest())
    assert "vmpack verify" in caught.value.remedy


def test_a_file_that_was_cut_off_is_not_published(make_release, destination: Destination) -> None:
    release = make_release(chunks(1, 5))
    release.package.path.write_bytes(b"short")
    with pytest.raises(PublishError, match="the file has 5 bytes"):
        publish(release, destination, QUICK_OPTIONS)


def test_a_missing_container_is_named_with_the_remedy(make_release, destination: Destination) -> None:
    elsewhere = replace(destination, url=f"{destination.url}x")
    with pytest.raises(PublishError, match="ContainerNotFound") as caught:
        publish(make_release(chunks(1, 2)), elsewhere, QUICK_OPTIONS)
    assert "--create-container" in caught.value.remedy
    assert caught.value.where.startswith(elsewhere.url)
    published = publish(make_release(chunks(1, 2)), elsewhere, replace(QUICK_OPTIONS, create_container=True))
    assert not published.package.existed


def test_an_empty_package_is_refused_in_the_gallerys_words(make_release, destination: Destination) -> None:
    with pytest.raises(PublishError, match=r"The blob referenced by source uri \S+hello.tar is empty\."):
        publish(make_release([b""]), destination, QUICK_OPTIONS)


def test_leftovers_of_another_tool_are_cleared_away(
    make_release, destination: Destination, container: Container
) -> None:
    from base64 import b64encode
    from hashlib import md5

    blocks = chunks(1, 5)
    container.put_block(
        "hello/1.0.0/hello.tar", b64encode(b"short").decode(), b"orphan", md5(b"orphan").digest()
    )
    published = publish(make_release(blocks), destination, QUICK_OPTIONS)
    assert fetched(published.links.media.url) == b"".join(blocks)


def test_a_receipt_without_signatures_is_left_in_the_release(make_release, destination: Destination) -> None:
    release = make_release(chunks(1, 2), config=b"{}")
    published = publish(release, destination, QUICK_OPTIONS)
    text = (release.directory / "publish.json").read_text()
    receipt = json.loads(text)
    assert "sig=" not in text
    assert receipt["package"] == {
        "blob": "hello/1.0.0/hello.tar",
        "url": f"{destination.url}/hello/1.0.0/hello.tar",
        "etag": published.package.etag,
        "size": release.package.size,
        "sha256": release.package.sha256,
    }
    assert receipt["config"]["blob"] == "hello/1.0.0/hello.json"
    assert receipt["tool"]["name"] == "vmpack"


def test_large_blocks_are_cut(make_release, azurite, tmp_path: Path) -> None:
    blocks = [b"a" * 100, bytes(range(256)) * 70_000, b"z" * 100]
    destination = fresh_container(azurite.url)
    published = publish(make_release(blocks), destination, QUICK_OPTIONS)
    assert fetched(published.links.media.url) == b"".join(blocks)
    again = publish(make_release([b"other", *blocks[1:]], version="1.0.1"), destination, QUICK_OPTIONS)
    assert again.tally.bytes_sent == 5


def test_a_signature_that_may_not_list_sends_everything_and_says_so(
    make_release, destination: Destination
) -> None:
    from datetime import UTC, datetime, timedelta

    from azure.storage.blob import generate_container_sas

    blocks = chunks(1, 6)
    publish(make_release(blocks), destination, QUICK_OPTIONS)
    end = datetime.now(UTC) + timedelta(hours=1)
    token = generate_container_sas(
        ACCOUNT, destination.container, account_key=KEY, permission="rw", expiry=end
    )
    narrow = replace(destination, credential=SasToken(token))
    published = publish(make_release(blocks, version="1.0.1"), narrow, QUICK_OPTIONS)
    assert published.tally.bytes_sent == published.tally.bytes_total
    assert "cannot be listed" in published.package.notes[0]
