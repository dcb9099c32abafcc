"""Links as the gallery meets them: tried over plain HTTP, refused in the gallery's own sentences."""

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request as Ask
from urllib.request import urlopen

import pytest
from publish_support import QUICK, QUICK_OPTIONS, chunks

from vmpack.errors import PublishError, UsageError
from vmpack.publish import sas
from vmpack.publish.container import Container
from vmpack.publish.destination import Destination
from vmpack.publish.links import LinkOptions, make, normalised
from vmpack.publish.model import Published
from vmpack.publish.renew import renew
from vmpack.publish.run import publish
from vmpack.publish.trial import try_link
from vmpack.publish.wire import Request


@pytest.fixture
def published(make_release, destination: Destination) -> Published:
    return publish(make_release(chunks(1, 3), config=b"{}"), destination, QUICK_OPTIONS)


def status(method: str, url: str, data: bytes | None = None, **headers: str) -> int:
    """Ask from outside, without anything of vmpack."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urlopen(Ask(url, data, named, method=method)) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return int(error.code)


@pytest.mark.azurite
def test_a_link_reads_and_does_nothing_else(published: Published, destination: Destination) -> None:
    url = published.links.media.url
    base, _, token = url.partition("?")
    assert status("HEAD", url) == 200
    assert status("GET", url, Range="bytes=0-9") == 206
    assert status("PUT", url, b"x", x_ms_blob_type="BlockBlob") == 403
    assert status("PUT", f"{base}?comp=block&blockid=QQ==&{token}", b"x") == 403
    assert status("DELETE", url) == 403
    assert status("GET", f"{destination.url}?restype=container&comp=list&{token}") == 403
    assert status("GET", f"{base}x?{token}") == 403
    config = published.config
    assert config is not None
    assert status("GET", f"{config.url}?{token}") == 403
    assert status("GET", base) in (401, 403, 404, 409)


@pytest.mark.azurite
def test_a_link_is_read_only_for_one_blob_and_a_day(published: Published) -> None:
    fields = {name: values[0] for name, values in parse_qs(urlsplit(published.links.media.url).query).items()}
    assert (fields["sp"], fields["sr"]) == ("r", "b")
    start, end = (datetime.fromisoformat(fields[name]) for name in ("st", "se"))
    assert end - start == timedelta(hours=24) + sas.CLOCK_SKEW
    assert published.links.expires == fields["se"]
    assert start < datetime.now(UTC)


def test_links_over_tls_are_for_tls_only() -> None:
    from publish_support import ACCOUNT, KEY

    from vmpack.publish.credentials import SharedKey

    key = SharedKey(ACCOUNT, KEY)
    place = Destination(ACCOUNT, "https://vmpacktest.blob.core.windows.net/apps", key, key)
    link, _ = make(place, f"{place.url}/a/1.0.0/a.tar", "a/1.0.0/a.tar", LinkOptions())
    assert parse_qs(urlsplit(link.url).query)["spr"] == ["https"]


@pytest.mark.azurite
@pytest.mark.parametrize(("days", "why"), [(-3, "has expired"), (3, "not valid yet")])
def test_signatures_out_of_their_time_are_refused(
    published: Published, destination: Destination, days: int, why: str
) -> None:
    blob = published.package
    now = datetime.now(UTC) + timedelta(days=days)
    link, _ = make(destination, blob.url, blob.name, LinkOptions(now=now))
    with pytest.raises(
        PublishError, match=r"^\S+: The SAS is not valid for source uri \S+hello\.tar\."
    ) as caught:
        try_link(link.url, policy=QUICK)
    assert why in caught.value.why
    assert "sig=" not in str(caught.value)


@pytest.mark.azurite
def test_a_broken_signature_is_refused(published: Published) -> None:
    with pytest.raises(PublishError, match="The SAS is not valid for source uri"):
        try_link(published.links.media.url.replace("sig=", "sig=A"), policy=QUICK)


@pytest.mark.azurite
def test_a_missing_blob_is_refused(destination: Destination) -> None:
    link, _ = make(destination, f"{destination.url}/no/1.0.0/x", "no/1.0.0/x", LinkOptions())
    with pytest.raises(
        PublishError, match=r"The blob referenced by source uri \S+/no/1.0.0/x does not exist\."
    ):
        try_link(link.url, policy=QUICK)


def put(container: Container, blob: str, kind: str, size: int, body: bytes = b"") -> None:
    headers = {"x-ms-blob-type": kind}
    if kind == "PageBlob":
        headers["x-ms-blob-content-length"] = str(size)
    container.session.call(Request("PUT", container._path(blob), headers=headers, body=body), {201})


@pytest.mark.azurite
@pytest.mark.parametrize(
    ("kind", "size", "sentence"),
    [
        ("BlockBlob", 0, r"The blob referenced by source uri \S+ is empty\."),
        (
            "PageBlob",
            512,
            r"PageBlob blob type is not supported for PublishPackage operation: vmpack .* block blobs only",
        ),
        (
            "AppendBlob",
            0,
            r"AppendBlob blob type is not supported for PublishPackage operation\. Only page blobs and block blobs",
        ),
    ],
)
def test_blobs_that_the_gallery_would_refuse(
    container: Container, destination: Destination, kind: str, size: int, sentence: str
) -> None:
    put(container, "a/1.0.0/x", kind, size)
    link, _ = make(destination, f"{destination.url}/a/1.0.0/x", "a/1.0.0/x", LinkOptions())
    with pytest.raises(PublishError, match=sentence):
        try_link(link.url, policy=QUICK)


@pytest.mark.azurite
def test_a_blob_that_is_too_big_is_refused(container: Container, destination: Destination) -> None:
    """A sparse giant: one block of 8 MiB, committed 129 times."""
    data = bytes(8 << 20)
    block = b64encode(b"b" * 64).decode()
    container.put_block("a/1.0.0/x", block, data, md5(data).digest())
    container.commit("a/1.0.0/x", [block] * 129, condition={}, metadata={})
    link, _ = make(destination, f"{destination.url}/a/1.0.0/x", "a/1.0.0/x", LinkOptions())
    sentence = r"is too big: size = 1082130432\. The maximum blob size allowed is '1 GB'\."
    with pytest.raises(PublishError, match=sentence):
        try_link(link.url, policy=QUICK)


@pytest.mark.azurite
def test_a_page_blob_under_the_final_name_is_refused(
    make_release, destination: Destination, container: Container
) -> None:
    put(container, "hello/1.0.0/hello.tar", "PageBlob", 512)
    with pytest.raises(PublishError, match="block blobs only") as caught:
        publish(make_release(chunks(1, 2)), destination, QUICK_OPTIONS)
    assert "rounded up to 512 bytes" in caught.value.why
    assert "Delete that blob" in caught.value.remedy


def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(PublishError, match="due to the following error: remote name not found") as caught:
        try_link("https://no-such-account.invalid/c/b?sig=secret", policy=QUICK)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "token", "wanted"),
    [
        ("https://a/b", "?sp=r&sig=x", "https://a/b?sp=r&sig=x"),
        ("https://a/b?", "sp=r", "https://a/b?sp=r"),
        ('"https://a/b??sp=r"', "", "https://a/b?sp=r"),
        (" 'https://a/b' ", '"sp=r"', "https://a/b?sp=r"),
        ("https://a/b?x=1", "&sp=r", "https://a/b?x=1&sp=r"),
        ("https://a/b", "", "https://a/b"),
    ],
)
def test_links_are_put_in_order(url: str, token: str, wanted: str) -> None:
    assert normalised(url, token) == wanted


@pytest.mark.azurite
def test_a_stored_access_policy_signs_and_revokes(
    published: Published, make_release, destination: Destination, container: Container
) -> None:
    end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    one = f"<Id>readers</Id><AccessPolicy><Expiry>{end}</Expiry><Permission>r</Permission></AccessPolicy>"
    for policies in (f"<SignedIdentifier>{one}</SignedIdentifier>", ""):
        body = f"<SignedIdentifiers>{policies}</SignedIdentifiers>".encode()
        acl = {"restype": "container", "comp": "acl"}
        container.session.call(Request("PUT", container._path(), acl, body=body), {200})
        options = replace(QUICK_OPTIONS, links=LinkOptions(policy="readers"))
        release = make_release(chunks(1, 3), config=b"{}")
        if policies:
            links = renew(release, destination, options)
            assert "si=readers" in links.media.url
            assert "se=" not in links.media.url
            assert links.expires is None
        else:
            with pytest.raises(PublishError, match="The SAS is not valid"):
                renew(release, destination, options)


@pytest.mark.azurite
def test_plain_urls_come_with_a_word_on_the_identity_they_need(
    make_release, destination: Destination
) -> None:
    options = replace(QUICK_OPTIONS, links=LinkOptions(no_sas=True))
    links = publish(make_release(chunks(1, 2)), destination, options).links
    assert links.media.url == f"{destination.url}/hello/1.0.0/hello.tar"
    assert links.expires is None
    assert [finding.rule for finding in links.findings] == ["link-needs-identity"]


@pytest.mark.azurite
def test_plain_urls_of_a_public_container_need_no_word(
    make_release, destination: Destination, container: Container
) -> None:
    acl = Request(
        "PUT",
        container._path(),
        {"restype": "container", "comp": "acl"},
        {"x-ms-blob-public-access": "blob"},
        b"<SignedIdentifiers></SignedIdentifiers>",
    )
    container.session.call(acl, {200})
    options = replace(QUICK_OPTIONS, links=LinkOptions(no_sas=True))
    assert publish(make_release(chunks(1, 2)), destination, options).links.findings == ()


@pytest.mark.azurite
def test_renewing_sends_nothing_and_needs_the_blob(make_release, destination: Destination) -> None:
    release = make_release(chunks(1, 2))
    with pytest.raises(PublishError, match="does not exist"):
        renew(release, destination, QUICK_OPTIONS)
    publish(release, destination, QUICK_OPTIONS)
    links = renew(release, destination, replace(QUICK_OPTIONS, links=LinkOptions(life=timedelta(days=30))))
    assert status("GET", links.media.url) == 200
    other = make_release(chunks(2, 2))
    with pytest.raises(PublishError, match="not the one of this release"):
        renew(other, destination, QUICK_OPTIONS)


@pytest.mark.parametrize(("text", "hours"), [("24h", 24), ("90m", 1.5), ("7d", 168), (" 1H ", 1)])
def test_time_spans(text: str, hours: float) -> None:
    assert sas.parse_duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "24", "h", "0h", "-1h", "1.5h", "1y", "9999999h"])
def test_what_is_no_time_span(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time span"):
        sas.parse_duration(text)
