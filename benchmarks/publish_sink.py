"""A storage service that swallows: it keeps the sizes of blocks, throws the bytes away, and answers at once.

With a rate and a delay it behaves like storage across a network: each connection takes so many bytes a second, and
each answer comes so much later.

    python benchmarks/publish_sink.py PORT [MB_PER_SECOND DELAY_MS]
"""

import re
import socket
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_META = re.compile(rb"(?i)\r\n(x-ms-meta-[a-z_0-9]+): *([^\r]*)")
_ID = re.compile(rb"(?i)\r\nx-ms-client-request-id: *([^\r]*)")
_DISCARD = getattr(socket, "MSG_TRUNC", 0) if sys.platform == "linux" else 0
_LATEST = re.compile(rb"<Latest>([^<]*)</Latest>")

_staged: dict[str, int] = {}
_committed: dict[str, tuple[list[str], bytes]] = {}


def _answer(method: str, target: str, size: int, head: bytes, body: bytes) -> tuple[int, bytes, bytes]:
    parts = urlsplit(target)
    query = parse_qs(parts.query)
    comp = query.get("comp", [""])[0]
    if comp == "block":
        _staged[query["blockid"][0]] = size
        return 201, b"", b""
    if comp == "list":
        return (
            200,
            b"",
            b"<?xml version='1.0'?><EnumerationResults><Blobs/><NextMarker/></EnumerationResults>",
        )
    if comp == "blocklist" and method == "PUT":
        meta = b"".join(b"%s: %s\r\n" % found for found in _META.findall(head))
        _committed[parts.path] = ([found.decode() for found in _LATEST.findall(body)], meta)
        return 201, b"", b""
    if method == "DELETE":
        return 202, b"", b""
    if parts.path not in _committed:
        return (404 if method in ("GET", "HEAD") else 201), b"", b""
    blocks, meta = _committed[parts.path]
    if comp == "blocklist":
        rows = "".join(f"<Block><Name>{b}</Name><Size>{_staged.get(b, 0)}</Size></Block>" for b in blocks)
        text = f"<BlockList><CommittedBlocks>{rows}</CommittedBlocks><UncommittedBlocks/></BlockList>"
        return 200, b"", text.encode()
    total = sum(_staged.get(block, 0) for block in blocks)
    if method == "HEAD":
        return 200, b"x-ms-blob-type: BlockBlob\r\n" + meta + b"Content-Length: %d\r\n" % total, b""
    return 206, b"x-ms-blob-type: BlockBlob\r\n" + meta, b"x"


def _swallow(sock: socket.socket, size: int, room: bytearray, rate: float) -> None:
    began, taken = time.perf_counter(), 0
    while taken < size:
        count = sock.recv_into(room, min(size - taken, len(room)), _DISCARD)
        if not count:
            raise ConnectionError
        taken += count
        ahead = taken / rate - (time.perf_counter() - began) if rate else 0
        if ahead > 0:
            time.sleep(ahead)


def _serve(sock: socket.socket, rate: float, delay: float) -> None:
    buffer, room = b"", bytearray(64 << 10 if rate else 1 << 20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        while b"\r\n\r\n" not in buffer:
            data = sock.recv(65536)
            if not data:
                return
            buffer += data
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        found = _LENGTH.search(head)
        size = int(found[1]) if found else 0
        body, buffer = buffer[:size], buffer[size:]
        if "comp=blocklist" in target:
            while len(body) < size:
                body += sock.recv(size - len(body))
        else:
            _swallow(sock, size - len(body), room, rate)
        status, more, text = _answer(method, target, size, head, body)
        if delay:
            time.sleep(delay)
        asked = _ID.search(head)
        echo = b"x-ms-client-request-id: %s\r\n" % asked[1] if asked else b""
        length = b"" if method == "HEAD" and more else b"Content-Length: %d\r\n" % len(text)
        fixed = b'ETag: "0x1"\r\nLast-Modified: Mon, 23 Nov 2026 20:00:00 GMT\r\nx-ms-request-server-encrypted: true\r\n'
        sock.sendall(b"HTTP/1.1 %d OK\r\n" % status + fixed + echo + more + length + b"\r\n" + text)


def _connection(sock: socket.socket, rate: float, delay: float) -> None:
    with sock:
        try:
            _serve(sock, rate, delay)
        except OSError:
            return


def main() -> None:
    """Serve for ever."""
    port = int(sys.argv[1])
    rate = float(sys.argv[2]) * 1e6 if len(sys.argv) > 2 else 0.0
    delay = float(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0.0
    server = socket.create_server(("127.0.0.1", port), backlog=128)
    while True:
        sock, _ = server.accept()
        threading.Thread(target=_connection, args=(sock, rate, delay), daemon=True).start()


if __name__ == "__main__":
    main()
