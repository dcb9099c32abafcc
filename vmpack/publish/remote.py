"""A blob behind a URL as if it were a file: size, and reads at any place."""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from vmpack.errors import PublishError
from vmpack.publish.content import SHA256_KEY
from vmpack.publish.credentials import Anonymous, Credential, SasToken
from vmpack.publish.links import normalised
from vmpack.publish.model import ReadAt
from vmpack.publish.redact import without_query
from vmpack.publish.retry import Gate, RetryPolicy
from vmpack.publish.session import Session
from vmpack.publish.trial import try_link
from vmpack.publish.wire import Request, Wire

_WINDOW = 64 << 10
"""Bytes fetched at least at once: the small members at a package's front come in one or two requests."""


class RemoteFile(NamedTuple):
    """A blob that can be read at any place."""

    read_at: ReadAt
    size: int
    """Bytes."""
    sha256: str
    """What vmpack wrote down when it published the blob; empty for a blob of other tools."""


def open_url(url: str, policy: RetryPolicy | None = None) -> RemoteFile:
    """Give positioned reads of a blob, its size and digest; only what is read is fetched.

    The URL opens by itself: it is public, or carries a signature. Raises PublishError in the gallery's words where
    it does not.
    """
    clean = normalised(url)
    blob = try_link(clean, policy=policy)
    size = blob.size
    parts = urlsplit(clean)
    credential: Credential = SasToken(parts.query) if parts.query else Anonymous()
    session = Session(Wire(clean), credential, policy or RetryPolicy(attempts=4), Gate(1))

    def fetch(offset: int, length: int) -> bytes:
        headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
        try:
            answer = session.call(Request("GET", parts.path, headers=headers), {206})
        finally:
            session.wire.close()
        return answer.body

    read_at = _windowed(fetch, size, without_query(clean))
    return RemoteFile(read_at, size, blob.metadata.get(SHA256_KEY, ""))


def _windowed(fetch: Callable[[int, int], bytes], size: int, plain: str) -> ReadAt:
    """Read ahead a little, so that many small reads of neighbours cost one request."""
    kept: tuple[int, bytes] = (0, b"")

    def read_at(offset: int, length: int) -> bytes:
        nonlocal kept
        if length <= 0:
            return b""
        if offset < 0 or offset + length > size:
            raise PublishError("a read beyond the end of the blob", where=plain, rule="remote-read")
        start, data = kept
        if not start <= offset <= offset + length <= start + len(data):
            wanted = min(max(length, _WINDOW), size - offset)
            data = fetch(offset, wanted)
            if len(data) != wanted:
                raise PublishError("the blob ended early", where=plain, rule="remote-read")
            start = offset
            kept = (start, data)
        return data[offset - start : offset - start + length]

    return read_at
