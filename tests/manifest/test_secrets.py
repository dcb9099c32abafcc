"""Credentials are seen, ordinary commands are left alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmpack.manifest.secrets import find, is_literal, names_a_secret, redact

_KEY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789+/abcd=="


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"curl 'https://a.example/c/b?sv=1&sig={_KEY}'", _KEY),
        (f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={_KEY};", _KEY),
        (f"AccountKey=/{_KEY}", "/" + _KEY),
        (f"Endpoint=sb://a.example/;SharedAccessKey={_KEY}", _KEY),
        ("app --password hunter2", "hunter2"),
        ("app --password=hunter2 --x", "hunter2"),
        ("app --db-password 'hunter2'", "'hunter2'"),
        ('{"install": "app --password \\"hunter2\\""}', "hunter2"),
        ("msiexec /i a.msi PASSWORD=hunter2 /qn", "hunter2"),
        ("DB_PASSWORD=hunter2 ./install", "hunter2"),
        ("dbPassword=hunter2", "hunter2"),
        ("client_secret: hunter2", "hunter2"),
        ("api-key=hunter2", "hunter2"),
        ("git clone https://me:hunter2@git.example/x", "hunter2"),
        ("curl -H 'Authorization: Bearer abcdefghijklmnop123'", "abcdefghijklmnop123"),
        ("export GH=ghp_" + "a1" * 18, "ghp_" + "a1" * 18),
        ("AKIA" + "ABCD" * 4, "AKIA" + "ABCD" * 4),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
    ],
)
def test_secrets_are_found_and_blanked(text: str, secret: str) -> None:
    assert any(secret in text[each.start : each.end] for each in find(text))
    assert secret not in redact(text)
    assert len(redact(text)) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "app --password $PASSWORD",
        'app --password "$PASSWORD"',
        "app --password=${PASSWORD}",
        "app --password %PASSWORD%",
        "app --password <password>",
        'PASSWORD="$(cat /run/secrets/db)"',
        "PASSWORD_FILE=/etc/app/password",
        "app --password-file /etc/x --token-path=./t",
        "app --password --verbose",
        "sh ./install.sh && cat /etc/passwd",
        "passwd -l app",
        'curl -H "Authorization: Bearer $TOKEN" https://host.example:8080/path@x',
        "ssh-keygen -t ed25519 -f key && chmod 600 key",
        "useradd --password '*' app",
        "openssl rand -hex 16 > /opt/app/secret",
        "https://a.example/blob?sv=1&sp=r",
        "tokenize --secret-mode=on",
        'cd "$PWD" && PWD=/opt/x ls',
        "eyJhbGci is how a token starts",
    ],
)
def test_ordinary_commands_are_left_alone(text: str) -> None:
    assert list(find(text)) == []
    assert redact(text) == text


@pytest.mark.parametrize(
    "name", ["password", "dbPassword", "api_key", "apiKey", "client-secret", "token", "accessToken"]
)
def test_names_of_secrets(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize(
    "name", ["passwordFile", "tokens", "keyboard", "destination", "secretName", "monkey"]
)
def test_names_of_other_things(name: str) -> None:
    assert not names_a_secret(name)


def test_literals() -> None:
    assert is_literal("hunter2")
    assert not any(map(is_literal, ["", "$X", "%X%", "/run/secret", "C:\\x", "true", "<password>"]))


@given(st.text())
def test_any_text_keeps_its_length_and_is_clean_then(text: str) -> None:
    blanked = redact(text)
    assert len(blanked) == len(text)
    assert redact(blanked) == blanked


@pytest.mark.parametrize(
    "unit", ["eyJ-", "password=", "password='", "a://b:", "--x-token ", "Bearer ", "-----BEGIN a "]
)
def test_hostile_text_costs_no_more_than_its_length(unit: str) -> None:
    began = time.process_time()
    redact(unit * (300_000 // len(unit)))
    assert time.process_time() - began < 5
