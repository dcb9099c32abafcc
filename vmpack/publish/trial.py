"""Links tried as the gallery will try them: without credentials, and refused in its own sentences."""

from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from vmpack.errors import PublishError
from vmpack.limits import DEFAULT
from vmpack.publish.container import properties_of
from vmpack.publish.credentials import Anonymous, SasToken
from vmpack.publish.model import BlobProperties
from vmpack.publish.redact import without_query
from vmpack.publish.retry import RETRIED, RetryPolicy
from vmpack.publish.wire import Request, Response, Timeouts, TransportError, Wire
from vmpack.values import dataclass

_ENSURE = "Ensure that the blob exists and that it's either publicly accessible or is a SAS url with read privileges."


@dataclass(frozen=True, slots=True)
class Visitor:
    """Reads links as the gallery does: with nothing but the URL. Its errors tell URLs without their signature.

    Connections carry no credentials, requests do; so a visitor may use those that a publisher has open.
    """

    wire: Wire
    policy: RetryPolicy

    def head(self, url: str) -> BlobProperties:
        """Ask for a blob's properties.

        Raises PublishError with the sentence that the gallery would use: the SAS does not hold (yet, or any more),
        the blob is missing, empty, too big, or of another type.
        """
        answer = self._ask("HEAD", url)
        _refuse(answer, url)
        found = properties_of(answer.headers)
        check_blob(found, without_query(url))
        return found

    def first_byte(self, url: str) -> None:
        """Read one byte as a range. Raises PublishError where that is not what comes."""
        answer = self._ask("GET", url)
        _refuse(answer, url)
        if answer.status != 206 or len(answer.body) != 1:
            raise _inaccessible(without_query(url), "the blob is not served in ranges")

    def _ask(self, method: str, url: str) -> Response:
        parts = urlsplit(url)
        headers = {"Range": "bytes=0-0"} if method == "GET" else {}
        request = Request(method, parts.path, headers=headers)
        credential = SasToken(parts.query) if parts.query else Anonymous()
        for attempt in range(1, self.policy.attempts + 1):
            try:
                answer = self.wire.send(request, credential)
            except TransportError as error:
                if attempt >= min(error.attempts, self.policy.attempts):
                    raise _inaccessible(without_query(url), str(error)) from None
            else:
                if answer.status not in RETRIED or attempt == self.policy.attempts:
                    return answer
            self.wire.cancelled.wait(self.policy.delay(attempt, None))
        raise AssertionError("unreachable: the last attempt returns or raises")


def try_link(
    url: str, *, policy: RetryPolicy | None = None, timeouts: Timeouts | None = None
) -> BlobProperties:
    """Read a link as the gallery does: a HEAD and a ranged GET, on connections of its own.

    Raises PublishError as ``Visitor`` does.
    """
    wire = Wire(url, timeouts or Timeouts())
    visitor = Visitor(wire, policy or RetryPolicy(attempts=4))
    try:
        found = visitor.head(url)
        visitor.first_byte(url)
    finally:
        wire.close()
    return found


def check_blob(found: BlobProperties, plain: str) -> None:
    """Hold a blob's type and size against the rules of the gallery and of vmpack; raises PublishError."""
    if found.type not in ("BlockBlob", ""):
        raise blob_type_refused(found.type, plain)
    check_size(found.size, plain)


def blob_type_refused(kind: str, plain: str, remedy: str = "") -> PublishError:
    """Refuse what is no block blob.

    The gallery takes page blobs too, and ends its sentence so. vmpack takes neither: a page blob has no blocks that
    tell what it holds, and its length is rounded up to 512 bytes.
    """
    sentence = f"{kind} blob type is not supported for PublishPackage operation"
    if kind != "PageBlob":
        only = "Only page blobs and block blobs are supported."
        return PublishError(f"{sentence}. {only}", where=plain, remedy=remedy, rule="blob-type")
    return PublishError(
        f"{sentence}: vmpack publishes and hands over block blobs only",
        why="The gallery itself would take it, but a page blob is rounded up to 512 bytes, so it rarely is the package"
        " byte for byte, and it has no block list that tells what it holds.",
        remedy=remedy or "Store the package as a block blob: vmpack publish.",
        where=plain,
        rule="blob-type",
    )


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


def _refuse(answer: Response, url: str) -> None:
    if answer.status in (200, 206):
        return
    plain = without_query(url)
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
