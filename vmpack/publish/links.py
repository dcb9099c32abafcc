"""The URLs that the gallery reads from: made, put in order, and tried as the gallery will try them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from vmpack.errors import PublishError
from vmpack.findings import Finding
from vmpack.limits import DEFAULT
from vmpack.publish import sas
from vmpack.publish.container import properties_of
from vmpack.publish.credentials import Anonymous, Bearer, SasToken
from vmpack.publish.destination import Destination
from vmpack.publish.model import BlobProperties, Link
from vmpack.publish.redact import without_query
from vmpack.publish.retry import RETRIED, RetryPolicy
from vmpack.publish.wire import Request, Response, Timeouts, TransportError, Wire

_ENSURE = "Ensure that the blob exists and that it's either publicly accessible or is a SAS url with read privileges."


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """Which kind of link, and for how long."""

    life: timedelta = timedelta(hours=24)
    policy: str | None = None
    """A stored access policy of the container, which decides about time and permission."""
    as_user: bool = False
    """Sign with a user delegation key."""
    no_sas: bool = False
    """Plain URLs, for a gallery with a managed identity."""
    now: datetime | None = None


def normalised(url: str, token: str = "") -> str:
    """Join a blob's URL and its signature as the gallery wants it: no quotes, no doubled question mark.

    PowerShell's cmdlet once returned signatures that begin with one, and shells leave quotes in variables; the
    gallery answers such a link with "must be an absolute uri".
    """
    plain = url.strip().strip("'\"")
    base, _, query = plain.partition("?")
    signature = "&".join(
        part.strip().strip("'\"").strip("?&") for part in (query, token) if part.strip("?& '\"")
    )
    return f"{base}?{signature}" if signature else base


def make(
    destination: Destination, blob_url: str, blob: str, options: LinkOptions
) -> tuple[Link, tuple[Finding, ...]]:
    """Make the link of one blob, with what its reader should know of this kind of link."""
    life = sas.window(options.life, options.now)
    if options.no_sas:
        return Link(blob_url, blob_url), ()
    if options.as_user:
        token = sas.by_identity(destination, blob, life)
        return Link(normalised(blob_url, token), blob_url, life.expires), (_user_delegation(blob_url),)
    if destination.key is None:
        return Link(blob_url, blob_url), (_cannot_sign(destination, blob_url),)
    if options.policy:
        token = sas.by_policy(destination, destination.key, blob, options.policy)
        return Link(normalised(blob_url, token), blob_url), ()
    token = sas.by_key(destination, destination.key, blob, life)
    return Link(normalised(blob_url, token), blob_url, life.expires), ()


def _user_delegation(url: str) -> Finding:
    return Finding(
        "link-user-delegation",
        "warning",
        "this link is signed with a user delegation key: the gallery's replication does not support it",
        "Sign with an account key or a stored access policy, or give the gallery a managed identity and use --no-sas.",
        url,
    )


def _cannot_sign(destination: Destination, url: str) -> Finding:
    by = "Entra ID" if isinstance(destination.credential, Bearer) else "a shared access signature"
    return Finding(
        "link-unsigned",
        "warning",
        f"the blobs are stored, but {by} cannot sign a link of its own: this is the plain URL",
        "Give the gallery a managed identity (then --no-sas says that this is meant), or set AZURE_STORAGE_KEY and"
        " run `vmpack links`.",
        url,
    )


def needs_identity(url: str) -> Finding:
    """Say that a plain URL opens only for a managed identity."""
    return Finding(
        "link-needs-identity",
        "warning",
        "the plain URL is not publicly readable: the gallery reads it only with a managed identity",
        "Give the gallery a user-assigned identity with the role Storage Blob Data Contributor on the account.",
        url,
    )


def try_link(
    url: str, *, size: int | None = None, policy: RetryPolicy | None = None, timeouts: Timeouts | None = None
) -> BlobProperties:
    """Read a link as the gallery does: a HEAD and a ranged GET, without any credential.

    Raises PublishError with the sentence that the gallery would use: the SAS does not hold (yet, or any more), the
    blob is missing, empty, too big, or of another type. The URL is told without its signature.
    """
    wire = Wire(url, timeouts or Timeouts())
    plain = without_query(url)
    try:
        head = _ask(wire, "HEAD", url, policy or RetryPolicy(attempts=4))
        _refuse(head, url, plain)
        found = properties_of(head.headers)
        check_blob(found, plain)
        first = _ask(wire, "GET", url, policy or RetryPolicy(attempts=4))
        _refuse(first, url, plain)
    finally:
        wire.close()
    if first.status != 206 or len(first.body) != 1 or (size is not None and size != found.size):
        raise _inaccessible(plain, "the blob does not have the published size, or is not served in ranges")
    return found


def check_blob(found: BlobProperties, plain: str) -> None:
    """Hold a blob's type and size against the gallery's rules; raises PublishError in its words."""
    if found.type not in ("BlockBlob", ""):
        raise PublishError(
            f"{found.type} blob type is not supported for PublishPackage operation."
            " Only page blobs and block blobs are supported.",
            why="vmpack publishes and hands over block blobs only.",
            where=plain,
            rule="blob-type",
        )
    check_size(found.size, plain)


def check_size(size: int, plain: str, limit: int = DEFAULT.package_bytes) -> None:
    """Refuse what the gallery would refuse for its size in bytes."""
    if size == 0:
        raise PublishError(
            f"The blob referenced by source uri {plain} is empty.", where=plain, rule="blob-empty"
        )
    if size > limit:
        raise PublishError(
            f"The blob referenced by source uri {plain} is too big: size = {size}."
            " The maximum blob size allowed is '1 GB'.",
            where=plain,
            rule="blob-too-big",
        )


def _ask(wire: Wire, method: str, url: str, policy: RetryPolicy) -> Response:
    parts = urlsplit(url)
    headers = {"Range": "bytes=0-0"} if method == "GET" else {}
    request = Request(method, parts.path, headers=headers)
    credential = SasToken(parts.query) if parts.query else Anonymous()
    for attempt in range(1, policy.attempts + 1):
        try:
            answer = wire.send(request, credential)
        except TransportError as error:
            if attempt >= min(error.attempts, policy.attempts):
                raise _inaccessible(without_query(url), str(error)) from None
        else:
            if answer.status not in RETRIED or attempt == policy.attempts:
                return answer
        wire.cancelled.wait(policy.delay(attempt, None))
    raise AssertionError("unreachable: the last attempt returns or raises")


def _refuse(answer: Response, url: str, plain: str) -> None:
    if answer.status in (200, 206):
        return
    if answer.status == 404:
        raise PublishError(
            f"The blob referenced by source uri {plain} does not exist.", where=plain, rule="link-missing"
        )
    if answer.status in (401, 403, 409):
        raise PublishError(
            f"The SAS is not valid for source uri {plain}.",
            why=_why_invalid(url),
            where=plain,
            rule="link-invalid",
        )
    raise _inaccessible(plain, f"status {answer.status}")


def _why_invalid(url: str) -> str:
    """Read the reason out of the signature's own dates, as far as they tell."""
    fields = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    if "sig" not in fields:
        return "The URL carries no signature and the blob is not public."
    window = _dates(fields)
    now = datetime.now(window[0].tzinfo)
    if now < window[0]:
        return f"The signature is not valid yet: it begins at {fields['st']}."
    if now > window[1]:
        return f"The signature has expired: it ended at {fields['se']}."
    return "Its signature does not fit, its policy is gone, or the account's firewall keeps this machine out."


def _dates(fields: dict[str, str]) -> tuple[datetime, datetime]:
    try:
        start = datetime.fromisoformat(fields.get("st", "0001-01-01T00:00:00Z"))
        end = datetime.fromisoformat(fields.get("se", "9999-12-31T00:00:00Z"))
        return start, end.replace(tzinfo=end.tzinfo or start.tzinfo)
    except ValueError:
        return datetime.fromisoformat("0001-01-01T00:00:00Z"), datetime.fromisoformat("9999-12-31T00:00:00Z")


def _inaccessible(plain: str, what: str) -> PublishError:
    return PublishError(
        f"The gallery application version url {plain} cannot be accessed due to the following error: {what}. {_ENSURE}",
        where=plain,
        rule="link-inaccessible",
    )
