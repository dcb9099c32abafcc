"""Entra ID and TLS, as far as Azurite offers them: bearer tokens, user delegation signatures."""

import base64
import json
import ssl
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.request import urlopen

import pytest
from publish_support import ACCOUNT, KEY, QUICK_OPTIONS, Emulator, chunks, running_azurite

from vmpack.errors import PublishError, UsageError
from vmpack.publish.credentials import Bearer, SharedKey
from vmpack.publish.destination import Destination, Wanted, resolve
from vmpack.publish.links import LinkOptions
from vmpack.publish.run import opened, publish

pytestmark = pytest.mark.azurite


class Identity:
    """A token that Azurite believes: it looks at the claims, not at the signature."""

    def __init__(self, audience: str = "https://storage.azure.com") -> None:
        now = int(time.time())
        claims = {
            "iss": "https://sts.windows.net/3a9e2f6e-0000-0000-0000-000000000000/",
            "aud": audience,
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + 3600,
            "oid": "3a9e2f6e-0000-0000-0000-000000000001",
            "tid": "3a9e2f6e-0000-0000-0000-000000000000",
        }
        self.token = ".".join((_encoded({"alg": "none", "typ": "JWT"}), _encoded(claims), ""))
        self.expires_on = now + 3600

    def get_token(self, *_scopes: str, **_options: object) -> "Identity":
        return self


def _encoded(document: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that lives an hour."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "azurite")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Emulator, Path]]:
    """An Azurite that speaks TLS and takes tokens."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, private = _certificate(folder)
    more = ("--oauth", "basic", "--cert", str(certificate), "--key", str(private))
    with running_azurite(folder, *more, scheme="https") as emulator:
        yield emulator, certificate


@pytest.fixture
def by_token(tls: tuple[Emulator, Path], monkeypatch: pytest.MonkeyPatch) -> Destination:
    emulator, certificate = tls
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    name = f"c{uuid.uuid4().hex}"
    found = resolve(Wanted(container=f"{emulator.url}/{name}", auth_mode="login"), {}, identity=Identity())
    with opened(found, QUICK_OPTIONS) as container:
        container.create()
    return found


def _read(url: str, certificate: Path) -> bytes:
    with urlopen(url, context=ssl.create_default_context(cafile=str(certificate))) as answer:
        data: bytes = answer.read()
        return data


def test_publishing_with_a_token_gives_plain_urls_and_says_so(make_release, by_token: Destination) -> None:
    assert isinstance(by_token.credential, Bearer)
    published = publish(make_release(chunks(1, 5)), by_token, QUICK_OPTIONS)
    assert published.links.media.url == published.package.url
    assert [finding.rule for finding in published.links.findings] == ["link-unsigned"]
    assert "Entra ID cannot sign" in published.links.findings[0].message


def test_a_user_delegation_link_reads_and_comes_with_a_warning(
    make_release, by_token: Destination, tls: tuple[Emulator, Path]
) -> None:
    blocks = chunks(1, 5)
    options = replace(QUICK_OPTIONS, links=LinkOptions(as_user=True))
    published = publish(make_release(blocks), by_token, options)
    assert _read(published.links.media.url, tls[1]) == b"".join(blocks)
    assert "spr=https&" in published.links.media.url
    assert "skoid=" in published.links.media.url
    assert [finding.rule for finding in published.links.findings] == ["link-user-delegation"]


def test_a_user_delegation_link_lives_a_week_at_most(make_release, by_token: Destination) -> None:
    options = replace(QUICK_OPTIONS, links=LinkOptions(as_user=True, life=timedelta(days=7)))
    with pytest.raises(UsageError, match="lives 7 days at most"):
        publish(make_release(chunks(1, 2)), by_token, options)


def test_the_next_version_falls_back_to_sending_where_tokens_cannot_copy(
    make_release, by_token: Destination
) -> None:
    """Azurite does not take a token for the source of a copy; Azure does."""
    blocks = chunks(1, 8)
    publish(make_release(blocks), by_token, QUICK_OPTIONS)
    published = publish(make_release([*blocks, b"more"], version="1.0.1"), by_token, QUICK_OPTIONS)
    assert published.tally.bytes_sent == published.tally.bytes_total
    assert "blocks are sent instead" in published.package.notes[0]


def test_a_wrong_audience_is_refused_with_the_remedy(make_release, by_token: Destination) -> None:
    wrong = replace(by_token, credential=Bearer(Identity("https://elsewhere")))
    with pytest.raises(PublishError, match="storage refused") as caught:
        publish(make_release(chunks(1, 2)), wrong, QUICK_OPTIONS)
    assert caught.value.remedy


def test_a_server_with_an_unknown_certificate_is_not_spoken_to(
    make_release, tls: tuple[Emulator, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    key = SharedKey(ACCOUNT, KEY)
    place = Destination(ACCOUNT, f"{tls[0].url}/apps", key, key)
    with pytest.raises(PublishError, match=r"cannot be reached: self.signed certificate 1 attempt"):
        publish(make_release(chunks(1, 2)), place, QUICK_OPTIONS)


def test_links_by_key_over_tls(make_release, by_token: Destination, tls: tuple[Emulator, Path]) -> None:
    key = SharedKey(ACCOUNT, KEY)
    place = Destination(ACCOUNT, by_token.url, key, key)
    published = publish(make_release(chunks(2, 2)), place, QUICK_OPTIONS)
    assert "spr=https&" in published.links.media.url
    assert _read(published.links.media.url, tls[1]) == b"".join(chunks(2, 2))
