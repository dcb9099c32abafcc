"""Where blobs go: command line, environment as az reads it, manifest."""

import pytest

from vmpack.errors import UsageError
from vmpack.manifest.model import PublishDefaults
from vmpack.publish.credentials import Bearer, SasToken, SharedKey
from vmpack.publish.destination import Wanted, resolve

KEY = "QUJDREVGRw=="
OTHER_KEY = "R0ZFRENCQQ=="
CONNECTION = (
    f"DefaultEndpointsProtocol=https;AccountName=conn;AccountKey={KEY};EndpointSuffix=core.windows.net"
)
URL = "https://acct.blob.core.windows.net/apps"


class Identity:
    """Stands in for DefaultAzureCredential."""

    def get_token(self, *scopes: str) -> "Identity":
        assert scopes == ("https://storage.azure.com/.default",)
        return self

    token = "a token"


def test_url_and_key_from_the_environment() -> None:
    found = resolve(Wanted(container=URL), {"AZURE_STORAGE_KEY": KEY})
    assert (found.account, found.url, found.container) == ("acct", URL, "apps")
    assert found.credential == found.key == SharedKey("acct", KEY)


def test_url_with_a_signature() -> None:
    found = resolve(Wanted(container=f"{URL}?sp=rcwl&sig=x"), {})
    assert found.url == URL
    assert found.credential == SasToken("sp=rcwl&sig=x")
    assert found.key is None


def test_url_with_a_signature_and_a_key_beside_it_for_links() -> None:
    found = resolve(Wanted(container=f"{URL}?sp=rcwl&sig=x"), {"AZURE_STORAGE_KEY": KEY})
    assert found.credential == SasToken("sp=rcwl&sig=x")
    assert found.key == SharedKey("acct", KEY)


@pytest.mark.parametrize("quoted", [f'"{URL}??sp=r&sig=x"', f" '{URL}?sp=r&sig=x' "])
def test_quotes_and_doubled_question_marks_go(quoted: str) -> None:
    found = resolve(Wanted(container=quoted), {})
    assert (found.url, found.credential) == (URL, SasToken("sp=r&sig=x"))


def test_account_and_container_by_name() -> None:
    found = resolve(Wanted(container="apps", account="acct"), {"AZURE_STORAGE_KEY": KEY})
    assert found.url == URL


def test_connection_string_on_the_command_line() -> None:
    found = resolve(Wanted(container="apps", connection_string=CONNECTION), {})
    assert found.url == "https://conn.blob.core.windows.net/apps"
    assert found.key == SharedKey("conn", KEY)


def test_connection_string_with_endpoint_and_signature() -> None:
    text = "BlobEndpoint=https://acct.blob.core.usgovcloudapi.net/;SharedAccessSignature=?sp=w&sig=x"
    found = resolve(Wanted(container="apps", connection_string=text), {})
    assert (found.account, found.url) == ("acct", "https://acct.blob.core.usgovcloudapi.net/apps")
    assert found.credential == SasToken("sp=w&sig=x")


@pytest.mark.parametrize("text", ["UseDevelopmentStorage=true", "usedevelopmentstorage=True;"])
def test_the_emulator(text: str) -> None:
    found = resolve(Wanted(container="apps", connection_string=text), {})
    assert found.url == "http://127.0.0.1:10000/devstoreaccount1/apps"
    assert isinstance(found.credential, SharedKey)


def test_the_emulators_url_needs_no_key() -> None:
    found = resolve(Wanted(container="http://127.0.0.1:12345/devstoreaccount1/apps"), {})
    assert found.url == "http://127.0.0.1:12345/devstoreaccount1/apps"
    assert found.key is not None


def test_environment_alone() -> None:
    environment = {"AZURE_STORAGE_ACCOUNT": "acct", "AZURE_STORAGE_SAS_TOKEN": "?sp=w&sig=x"}
    found = resolve(Wanted(container="apps"), environment)
    assert (found.url, found.credential) == (URL, SasToken("sp=w&sig=x"))


def test_a_key_wins_over_a_signature_and_a_connection_string_in_the_environment() -> None:
    environment = {
        "AZURE_STORAGE_ACCOUNT": "acct",
        "AZURE_STORAGE_KEY": OTHER_KEY,
        "AZURE_STORAGE_SAS_TOKEN": "sp=w&sig=x",
        "AZURE_STORAGE_CONNECTION_STRING": CONNECTION,
    }
    assert resolve(Wanted(container="apps"), environment).credential == SharedKey("acct", OTHER_KEY)


def test_a_connection_string_of_the_environment_does_not_take_over_another_account() -> None:
    environment = {"AZURE_STORAGE_CONNECTION_STRING": CONNECTION}
    found = resolve(Wanted(container="apps", account="acct"), environment, identity=Identity())
    assert found.account == "acct"
    assert isinstance(found.credential, Bearer)
    assert "not used" in found.warnings[0]


def test_a_key_for_another_account_is_not_used() -> None:
    environment = {"AZURE_STORAGE_ACCOUNT": "other", "AZURE_STORAGE_KEY": KEY}
    found = resolve(Wanted(container=URL), environment, identity=Identity())
    assert isinstance(found.credential, Bearer)


def test_login_wins_over_keys_and_says_so() -> None:
    environment = {"AZURE_STORAGE_KEY": KEY, "AZURE_STORAGE_AUTH_MODE": "login"}
    found = resolve(Wanted(container=URL), environment, identity=Identity())
    assert isinstance(found.credential, Bearer)
    assert found.key is None
    assert found.warnings == ("--auth-mode login: keys and signatures in the environment are not used",)


def test_the_endpoint_of_the_environment() -> None:
    environment = {
        "AZURE_STORAGE_ACCOUNT": "acct",
        "AZURE_STORAGE_KEY": KEY,
        "AZURE_STORAGE_SERVICE_ENDPOINT": "https://acct.blob.core.chinacloudapi.cn/",
    }
    assert (
        resolve(Wanted(container="apps"), environment).url == "https://acct.blob.core.chinacloudapi.cn/apps"
    )


def test_the_manifest_fills_what_nobody_says() -> None:
    defaults = PublishDefaults(account="acct", container="apps")
    environment = {"AZURE_STORAGE_KEY": KEY}
    assert resolve(Wanted(), environment, defaults).url == URL
    assert resolve(Wanted(account="mine", container="other"), environment, defaults).account == "mine"
    assert resolve(Wanted(), environment, PublishDefaults(container=URL)).url == URL


@pytest.mark.parametrize(
    ("wanted", "environment", "message"),
    [
        (Wanted(), {}, "No container is named"),
        (Wanted(container="apps"), {}, "which storage account"),
        (
            Wanted(container="Apps", account="acct"),
            {"AZURE_STORAGE_KEY": KEY},
            "cannot be a container's name",
        ),
        (
            Wanted(container="a--b", account="acct"),
            {"AZURE_STORAGE_KEY": KEY},
            "cannot be a container's name",
        ),
        (
            Wanted(container="apps", account="My-Acct"),
            {"AZURE_STORAGE_KEY": KEY},
            "cannot be a storage account",
        ),
        (Wanted(container=f"{URL}/blob?sig=secret"), {}, "not the URL of a container"),
        (
            Wanted(container="http://acct.blob.core.windows.net/apps"),
            {"AZURE_STORAGE_KEY": KEY},
            "plain http",
        ),
        (Wanted(container="http://127.0.0.1:1/acct/apps"), {}, "no key and no signature"),
        (Wanted(container=URL), {"AZURE_STORAGE_KEY": "secret!"}, "is not base64"),
        (Wanted(container=URL, account="mine"), {}, "--account says mine"),
        (Wanted(container=URL, connection_string=CONNECTION), {}, "connection string is for account conn"),
        (Wanted(container="apps", connection_string="AccountKey=secret"), {}, "names no account"),
    ],
)
def test_what_cannot_be_meant(wanted: Wanted, environment: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        resolve(wanted, environment)
    assert "secret" not in str(caught.value)


def test_credentials_keep_their_secrets_to_themselves() -> None:
    found = resolve(Wanted(container=f"{URL}?sp=w&sig=verysecret"), {"AZURE_STORAGE_KEY": KEY})
    wanted = Wanted(connection_string=CONNECTION)
    for text in (repr(found), repr(wanted), repr(Bearer(Identity()))):
        assert "verysecret" not in text
        assert KEY not in text
