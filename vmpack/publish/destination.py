"""Where blobs go and with which credential: the command line, then the environment as az reads it, then the manifest."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from vmpack.errors import UsageError
from vmpack.manifest.model import PublishDefaults
from vmpack.publish.credentials import Anonymous, Bearer, Credential, SasToken, SharedKey, TokenCredential
from vmpack.publish.redact import without_query
from vmpack.values import dataclass, field

_EMULATOR_ACCOUNT = "devstoreaccount1"
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's one and only key, printed in its documentation."""
_EMULATOR_ENDPOINT = f"http://127.0.0.1:10000/{_EMULATOR_ACCOUNT}"

_CONTAINER_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*|\$root")
_ACCOUNT_NAME = re.compile(r"[a-z0-9]{3,24}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says; None where it says nothing."""

    container: str | None = None
    """A name, or a URL with or without a signature."""
    account: str | None = None
    connection_string: str | None = field(default=None, repr=False)
    auth_mode: str | None = None
    """``key`` or ``login``."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A container, and how to prove that we may write there."""

    account: str
    url: str
    """The container's, without signature or trailing slash."""
    credential: Credential
    key: SharedKey | None
    """What signs links; None where only a signature or an identity is known."""
    warnings: tuple[str, ...] = ()

    @property
    def container(self) -> str:
        """The container's name."""
        return self.url.rpartition("/")[2]

    @property
    def secure(self) -> bool:
        """Whether requests travel over TLS; only the emulator does without."""
        return self.url.startswith("https:")


@dataclass(frozen=True, slots=True)
class _Found:
    """What is known so far of account and credential."""

    account: str | None = None
    endpoint: str | None = None
    key: str | None = field(default=None, repr=False)
    sas: str | None = field(default=None, repr=False)


def resolve(
    wanted: Wanted,
    environment: Mapping[str, str],
    defaults: PublishDefaults | None = None,
    identity: TokenCredential | None = None,
) -> Destination:
    """Put together the destination.

    As az does it: ``login`` wins over keys; what the command line says wins over AZURE_STORAGE_*; a connection
    string counts where no key or signature is given; then account and key, then the signature. Other than az, a
    connection string in the environment never takes over from another account named on the command line.
    ``identity`` stands in for DefaultAzureCredential. Raises UsageError, which names what is missing.
    """
    defaults = defaults or PublishDefaults()
    named = wanted.container or defaults.container
    if not named:
        raise UsageError(
            "where to? No container is named",
            remedy="Add --container NAME or --container URL, or set publish.container in the manifest.",
        )
    warnings: list[str] = []
    known = _known(wanted, environment, defaults, named, warnings)
    url = _container_url(named, known)
    _check(url, known)
    key = SharedKey(known.account, known.key) if known.account and known.key else None
    login = (wanted.auth_mode or environment.get("AZURE_STORAGE_AUTH_MODE")) == "login"
    if login and (key or known.sas):
        warnings.append("--auth-mode login: keys and signatures in the environment are not used")
    if login or not (key or known.sas):
        credential: Credential = Bearer(identity or _default_identity(url))
        return Destination(known.account or "", url, credential, None, tuple(warnings))
    given_sas = "?" in named
    credential = SasToken(known.sas) if known.sas and (given_sas or key is None) else key or Anonymous()
    return Destination(known.account or "", url, credential, key, tuple(warnings))


def _known(
    wanted: Wanted, env: Mapping[str, str], defaults: PublishDefaults, named: str, warnings: list[str]
) -> _Found:
    """Collect account, endpoint, key and signature in az's order."""
    from_url = _from_url(named) if "://" in named else _Found()
    if wanted.account and from_url.account and wanted.account != from_url.account:
        raise UsageError(
            f"--account says {wanted.account}, the container's URL says {from_url.account}",
            remedy="Name one account only.",
        )
    account = wanted.account or from_url.account
    if wanted.connection_string:
        found = _from_connection_string(wanted.connection_string)
        if account and found.account != account:
            raise UsageError(
                f"the connection string is for account {found.account}, the destination is in {account}",
                remedy="Name one account only.",
            )
    elif env.get("AZURE_STORAGE_CONNECTION_STRING") and not (env.get("AZURE_STORAGE_KEY") or from_url.sas):
        found = _from_connection_string(env["AZURE_STORAGE_CONNECTION_STRING"])
        if account and found.account != account:
            warnings.append(
                f"AZURE_STORAGE_CONNECTION_STRING is for another account than {account}: not used"
            )
            found = _Found()
    else:
        found = _Found()
    account = account or found.account or defaults.account or env.get("AZURE_STORAGE_ACCOUNT")
    matches_env = env.get("AZURE_STORAGE_ACCOUNT") in (None, "", account)
    key = found.key or (env.get("AZURE_STORAGE_KEY") if matches_env else None)
    sas = (
        from_url.sas or found.sas or (env.get("AZURE_STORAGE_SAS_TOKEN") if matches_env and not key else None)
    )
    endpoint = from_url.endpoint or found.endpoint or env.get("AZURE_STORAGE_SERVICE_ENDPOINT")
    if account == _EMULATOR_ACCOUNT:
        endpoint = endpoint or _EMULATOR_ENDPOINT
        key = key or (_EMULATOR_KEY if _is_loopback(endpoint) else None)
    return _Found(account, endpoint, key or None, sas.lstrip("?") if sas else None)


def _from_url(url: str) -> _Found:
    """Take a container's URL apart: ``https://ACCOUNT.blob.…/NAME?SAS``, or the emulator's ``http://HOST:PORT/ACCOUNT/NAME``."""
    plain = url.strip().strip("'\"")
    parts = urlsplit(plain)
    segments = [segment for segment in parts.path.split("/") if segment]
    in_path = _account_in_path(parts.hostname or "")
    if parts.scheme not in ("http", "https") or not parts.hostname or len(segments) != 1 + in_path:
        raise UsageError(
            "this is not the URL of a container",
            why="It looks like https://ACCOUNT.blob.core.windows.net/CONTAINER, with or without ?SAS.",
            where=without_query(plain),
        )
    account = segments[0] if in_path else parts.hostname.partition(".")[0]
    base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return _Found(account, f"{base}/{account}" if in_path else base, None, parts.query.lstrip("?") or None)


def _account_in_path(host: str) -> bool:
    if host == "localhost" or "." not in host:
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _from_connection_string(text: str) -> _Found:
    """Read ``UseDevelopmentStorage=true`` or ``AccountName=…;AccountKey=…``; keys in any case."""
    pairs = (pair.partition("=") for pair in text.strip().strip("'\"").split(";") if pair.strip())
    fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if fields.get("usedevelopmentstorage", "").lower() == "true":
        return _Found(_EMULATOR_ACCOUNT, _EMULATOR_ENDPOINT, _EMULATOR_KEY)
    account = fields.get("accountname")
    endpoint = fields.get("blobendpoint", "").rstrip("/") or None
    if account is None and endpoint:
        account = _from_url(f"{endpoint}/container").account
    if account is None:
        raise UsageError(
            "the connection string names no account",
            why="It needs AccountName (or BlobEndpoint) and AccountKey (or SharedAccessSignature).",
            remedy="Copy it from the portal, or: az storage account show-connection-string.",
        )
    if endpoint is None:
        suffix = fields.get("endpointsuffix", "core.windows.net")
        endpoint = f"{fields.get('defaultendpointsprotocol', 'https')}://{account}.blob.{suffix}"
    return _Found(account, endpoint, fields.get("accountkey"), fields.get("sharedaccesssignature"))


def _container_url(named: str, known: _Found) -> str:
    if "://" in named:
        name = [segment for segment in urlsplit(named.strip().strip("'\"")).path.split("/") if segment][-1]
    else:
        name = named
    if not known.account:
        raise UsageError(
            f"which storage account? Container {named!r} is only a name",
            remedy="Add --account NAME, give the container's URL, or set AZURE_STORAGE_ACCOUNT"
            " or AZURE_STORAGE_CONNECTION_STRING.",
        )
    endpoint = known.endpoint or f"https://{known.account}.blob.core.windows.net"
    return f"{endpoint.rstrip('/')}/{name}"


def _check(url: str, known: _Found) -> None:
    name = url.rpartition("/")[2]
    if not _CONTAINER_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a container's name",
            why="Names have 3 to 63 lower-case letters, digits and single hyphens.",
        )
    if not _ACCOUNT_NAME.fullmatch(known.account or ""):
        raise UsageError(
            f"{known.account!r} cannot be a storage account's name",
            why="Names have 3 to 24 lower-case letters and digits.",
        )
    if url.startswith("http:") and not _is_loopback(url):
        raise UsageError(
            "storage is asked over plain http",
            why="Keys and signatures would travel readably; only an emulator on this machine may do that.",
            remedy="Use https.",
            where=url,
        )


def _default_identity(url: str) -> TokenCredential:
    """Make Entra ID's default credential, which looks at the environment, a managed identity, and az."""
    if not url.startswith("https:"):
        raise UsageError(
            "no key and no signature for this container",
            why="Entra ID is only spoken over https.",
            remedy="Set AZURE_STORAGE_KEY or AZURE_STORAGE_CONNECTION_STRING, or give the URL with its signature.",
            where=url,
        )
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise UsageError(
            "no key and no signature for this storage account",
            remedy="Set AZURE_STORAGE_KEY, AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_SAS_TOKEN;"
            " or install Entra ID sign-in: pip install 'vmpack[azure]'.",
            where=url,
        ) from None
    credential: TokenCredential = DefaultAzureCredential()
    return credential
