"""HTTP to one host: connections kept alive and shared, bodies sent without a copy, answers matched to requests.

``http.client`` because it costs a third of the CPU of the SDK's pipeline for the same bytes; everything above the
socket (signing, retries, meaning of answers) stands in other files.
"""

import contextlib
import encodings.idna  # noqa: F401 - every connection needs it; else the first ones, all at once, would wait for it
import http.client
import io
import math
import os
import select
import socket
import ssl
import threading
import time
import urllib.request
from base64 import b64encode
from collections.abc import Generator, Mapping
from typing import Any, Protocol
from urllib.parse import unquote, urlencode, urlsplit

from vmpack import __version__
from vmpack.publish.credentials import Credential
from vmpack.values import dataclass, field

API_VERSION = "2023-11-03"
"""Old enough for every emulator and sovereign cloud, new enough for Put Block From URL with a bearer token."""

NAME_NOT_FOUND = "remote name not found"
"""The gallery's words for a host that DNS does not know."""

_PIECE = 1 << 20


class TransportError(Exception):
    """The connection failed, or the answer cannot be the answer to this request."""

    def __init__(self, what: str, *, attempts: int = 1000) -> None:
        super().__init__(what)
        self.attempts = attempts
        """How many attempts are worth making: a wrong certificate will not change, a name may be found yet."""


class CancelledError(Exception):
    """Somebody pressed Ctrl-C, or another block failed for good."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds."""

    connect: float = 10
    stall: float = 60
    """Longest silence while sending a piece or waiting for an answer."""
    request: float = 900
    """Longest time for one request as a whole, however steadily it creeps."""


class Body(Protocol):
    """Bytes that are sent piece by piece, and once more with each attempt."""

    def __len__(self) -> int:
        """Give their number."""

    def pieces(self) -> Generator[memoryview, None, None]:
        """Give them; a piece lasts until the next one."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; ``path`` is percent-encoded and begins with a slash."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body = b""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, read to its end; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _WholeLines(io.BufferedReader):
    """Refuses a line that the connection's end cut off; ``http.client`` would take half a header block for all of it."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(line)
        return line


class _StrictResponse(http.client.HTTPResponse):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fp: Any = _WholeLines(self.fp.detach())


class Wire:
    """Connections to one scheme, host and port. Safe to use from many threads."""

    def __init__(self, base_url: str, timeouts: Timeouts | None = None) -> None:
        parts = urlsplit(base_url)
        self._root = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._timeouts = timeouts or Timeouts()
        self._lock = threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()
        self._idle: list[http.client.HTTPConnection] = []
        self._tls = _tls_context() if self._secure else None
        self._proxy = _proxy_for(parts.scheme, self._host)
        self.cancelled = threading.Event()
        self.quickest = math.inf
        """Seconds that the quickest answer to a request without a body took."""

    def url(self, request: Request) -> str:
        """Give what a request asks for, without its query, which may carry a signature."""
        return self._root + request.path

    def send(self, request: Request, credential: Credential) -> Response:
        """Send once and read the answer. Raises TransportError or CancelledError."""
        if self.cancelled.is_set():
            raise CancelledError
        connection = self._connection()
        try:
            answer = self._exchange(connection, request, credential)
            self._keep(connection, answer)
            return answer
        except Exception as error:
            self._drop(connection)
            if self.cancelled.is_set():
                # Another thread closed this connection in the middle; what that broke says nothing.
                raise CancelledError from None
            if not isinstance(error, (OSError, http.client.HTTPException, TransportError)):
                raise
            raise TransportError(_what(error), attempts=_worth(error)) from None
        except BaseException:
            self._drop(connection)
            raise

    def warm(self) -> None:
        """Open one connection ahead of need. Never raises: a failure will meet the next request and be told there."""
        with self._lock:
            connection = self._new()
            self._open.add(connection)
        try:
            connection.connect()
        except (OSError, http.client.HTTPException, AttributeError):
            # http.client raises the last of these when another thread closes the connection meanwhile.
            self._drop(connection)
        else:
            self._shelve(connection)

    def abort(self) -> None:
        """Make every thread's request fail now."""
        self.cancelled.set()
        self.close()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            connections, self._open = self._open, set()
            self._idle.clear()
        for connection in connections:
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        """Take the connection that was used last, or a new one."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else self._new()
                self._open.add(connection)
            if connection.sock is None or not _has_news(connection.sock):
                return connection
            self._drop(connection)

    def _keep(self, connection: http.client.HTTPConnection, answer: Response) -> None:
        """Keep a connection for the next request, unless it ends here or all were closed meanwhile."""
        if answer.headers.get("connection", "").lower() == "close":
            self._drop(connection)
        else:
            self._shelve(connection)

    def _shelve(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if connection in self._open:
                self._idle.append(connection)
                return
        self._drop(connection)

    def _new(self) -> http.client.HTTPConnection:
        host, port = self._proxy.address if self._proxy else (self._host, self._port)
        if self._tls is None:
            connection = http.client.HTTPConnection(host, port, timeout=self._timeouts.connect)
        else:
            connection = http.client.HTTPSConnection(
                host, port, timeout=self._timeouts.connect, context=self._tls
            )
            if self._proxy:
                connection.set_tunnel(self._host, self._port, dict(self._proxy.headers))
        connection.response_class = _StrictResponse
        # A connection that another thread closed must not open again in the middle of a request.
        connection.auto_open = 0
        return connection

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._open.discard(connection)
        connection.close()

    def _exchange(
        self, connection: http.client.HTTPConnection, request: Request, credential: Credential
    ) -> Response:
        deadline = time.monotonic() + self._timeouts.request
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(self._timeouts.stall)
        request_id = os.urandom(16).hex()
        began = time.monotonic()
        self._send_head(connection, request, credential, request_id)
        try:
            self._send_body(connection, request.body, deadline)
        except (BrokenPipeError, ConnectionResetError):
            # A server that refuses early may have said why before it hung up.
            return _read(connection, request_id)
        answer = _read(connection, request_id)
        if not request.body:
            self.quickest = min(self.quickest, time.monotonic() - began)
        return answer

    def _send_head(
        self,
        connection: http.client.HTTPConnection,
        request: Request,
        credential: Credential,
        request_id: str,
    ) -> None:
        headers = {
            **request.headers,
            "x-ms-version": API_VERSION,
            "x-ms-client-request-id": request_id,
            "User-Agent": f"vmpack/{__version__}",
        }
        if request.body or request.method in ("PUT", "POST"):
            headers["Content-Length"] = str(len(request.body))
        added, appendix = credential.authorize(request.method, request.path, request.query, headers)
        query = "&".join(filter(None, (urlencode(request.query), appendix)))
        target = f"{request.path}?{query}" if query else request.path
        if self._proxy and self._tls is None:
            target = f"http://{self._host}:{self._port}{target}"
            headers.update(self._proxy.headers)
        connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        default_port = self._port == (443 if self._secure else 80)
        connection.putheader("Host", self._host if default_port else f"{self._host}:{self._port}")
        for name, value in {**headers, **added}.items():
            connection.putheader(name, value)
        connection.endheaders()

    def _send_body(self, connection: http.client.HTTPConnection, body: bytes | Body, deadline: float) -> None:
        pieces = _pieces(body) if isinstance(body, bytes) else body.pieces()
        # Closed at once, not when the error's traceback goes: the memory of its pieces is needed for the next attempt.
        with contextlib.closing(pieces):
            for piece in pieces:
                if self.cancelled.is_set():
                    raise CancelledError
                if time.monotonic() > deadline:
                    raise TransportError("the request took too long")
                connection.send(piece)


def _pieces(data: bytes) -> Generator[memoryview, None, None]:
    view = memoryview(data)
    return (view[start : start + _PIECE] for start in range(0, len(view), _PIECE))


def _read(connection: http.client.HTTPConnection, request_id: str) -> Response:
    with connection.getresponse() as answer:
        body = answer.read()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    echoed = headers.get("x-ms-client-request-id", request_id)
    if echoed != request_id:
        # A duplicate of an earlier answer must never be taken for the answer to this request.
        raise TransportError("an answer to another request arrived")
    return Response(answer.status, headers, body)


def _has_news(sock: socket.socket) -> bool:
    """Tell whether an idle connection has something to say: it was closed, or an answer nobody asked for came."""
    try:
        readable, _, _ = select.select([sock], [], [], 0)
    except (OSError, ValueError):
        return True
    return bool(readable)


def _what(error: Exception) -> str:
    """Name a failure without the text of a URL, which may carry a signature."""
    if isinstance(error, http.client.InvalidURL):
        return "the URL has characters that HTTP does not allow"
    if isinstance(error, socket.gaierror):
        return NAME_NOT_FOUND
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error) if isinstance(error, TransportError) else f"broken answer ({type(error).__name__})"


def _worth(error: Exception) -> int:
    if isinstance(error, ssl.SSLCertVerificationError):
        return 1
    return 3 if isinstance(error, socket.gaierror) else 1000


def _tls_context() -> ssl.SSLContext:
    """Trust what the system trusts, SSL_CERT_FILE, and REQUESTS_CA_BUNDLE (which az and the SDK read)."""
    context = ssl.create_default_context()
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle:
        context.load_verify_locations(cafile=bundle)
    elif not context.get_ca_certs() and not os.path.isdir(ssl.get_default_verify_paths().capath or ""):
        import certifi

        context.load_verify_locations(cafile=certifi.where())
    return context


@dataclass(frozen=True, slots=True)
class _Proxy:
    address: tuple[str, int]
    headers: Mapping[str, str] = field(repr=False)


def _proxy_for(scheme: str, host: str) -> _Proxy | None:
    """Read HTTPS_PROXY, HTTP_PROXY and NO_PROXY (or the system's settings) as every other tool does."""
    found = urllib.request.getproxies().get(scheme)
    if not found or urllib.request.proxy_bypass(host):
        return None
    parts = urlsplit(found if "://" in found else f"http://{found}")
    headers = {}
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
    return _Proxy((parts.hostname or "", parts.port or 8080), headers)
