"""A small HTTP proxy that stands between a client and Azurite and does to requests what networks do."""

import asyncio
import contextlib
import random
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

FAULTS = (
    "reset-before",
    "reset-middle",
    "closed",
    "half-closed",
    "flipped",
    "error-500",
    "error-503",
    "error-503-retry-after",
    "error-429",
    "lost-answer",
    "truncated-answer",
    "duplicate-answer",
    "garbage",
    "stall",
)

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_AUTHORIZED = re.compile(rb"(?i)\r\nauthorization:")
_CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding: *chunked")
_STALL = 1.0


class _Gone(Exception):
    """The connection is over."""


@dataclass
class Seen:
    """One request as the proxy saw it."""

    method: str
    target: str
    fault: str | None
    body: int = 0
    authorized: bool = False
    """Whether the request itself proved who asks, beside what its URL carries."""
    reached: int = 0
    """The status that Azurite answered, whether or not the client heard of it."""

    @property
    def kind(self) -> str:
        """``block``, ``copy``, ``commit`` or the method."""
        query = parse_qs(urlsplit(self.target).query)
        if self.method == "PUT" and query.get("comp") == ["block"]:
            return "block" if self.body else "copy"
        if self.method == "PUT" and query.get("comp") == ["blocklist"]:
            return "commit"
        return self.method

    @property
    def block(self) -> str:
        """The block id of a block or copy."""
        return parse_qs(urlsplit(self.target).query).get("blockid", [""])[0]

    @property
    def blob(self) -> str:
        """The path of the request."""
        return unquote(urlsplit(self.target).path)


Decide = Callable[[Seen], str | None]


def seeded(seed: int, probability: float, faults: tuple[str, ...] = FAULTS) -> Decide:
    """Decide by a seeded die; the order in which concurrent requests arrive is the only chance left."""
    source = random.Random(seed)

    def decide(_seen: Seen) -> str | None:
        return source.choice(faults) if source.random() < probability else None

    return decide


@dataclass
class FaultProxy:
    """A running proxy; ``decide`` may be exchanged at any time."""

    upstream: int
    port: int = 0
    decide: Decide = field(default=lambda _seen: None)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    """How many were opened so far."""
    _tasks: set["asyncio.Task[None] | None"] = field(default_factory=set)
    """The loop itself keeps only weak references: a connection could be collected while it waits."""

    @contextlib.contextmanager
    def running(self) -> Iterator["FaultProxy"]:
        """Serve from a thread of its own for the length of the block."""
        loop = asyncio.new_event_loop()
        started = threading.Event()
        stop = asyncio.Event()

        async def main() -> None:
            server = await asyncio.start_server(self._client, "127.0.0.1", self.port)
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            await stop.wait()
            server.close()
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
        thread.start()
        assert started.wait(10)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)
            loop.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind: asyncio.StreamWriter | None = None
        self._tasks.add(asyncio.current_task())
        self.connections += 1
        try:
            above, behind = await asyncio.open_connection("127.0.0.1", self.upstream)
            while True:
                await self._request(reader, writer, above, behind)
        except (_Gone, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            for stream in (writer, behind):
                if stream is not None:
                    stream.close()
                    with contextlib.suppress(OSError, asyncio.CancelledError):
                        await stream.wait_closed()
            self._tasks.discard(asyncio.current_task())

    async def _request(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        above: asyncio.StreamReader,
        behind: asyncio.StreamWriter,
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        length = _LENGTH.search(head)
        seen = Seen(
            method, target, None, int(length[1]) if length else 0, _AUTHORIZED.search(head) is not None
        )
        seen.fault = self.decide(seen)
        self.seen.append(seen)
        if seen.fault == "reset-before":
            _reset(writer)
        if seen.fault == "reset-middle":
            await reader.readexactly(seen.body // 2)
            _reset(writer)
        if seen.fault == "half-closed":
            writer.write_eof()
        body = await reader.readexactly(seen.body)
        await self._refuse(seen, writer)
        if seen.fault == "flipped" and seen.kind == "block":
            body = bytes((body[0] ^ 1,)) + body[1:]
        behind.write(head + body)
        await behind.drain()
        answer = await _answer(above, method)
        seen.reached = int(answer.split(b" ", 2)[1])
        await _give(seen, answer, writer)

    async def _refuse(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        """Carry out the faults that keep a request from Azurite."""
        if seen.fault in ("closed", "half-closed"):
            raise _Gone
        if seen.fault == "stall":
            await asyncio.sleep(_STALL)
            raise _Gone
        if seen.fault == "garbage":
            writer.write(b"\x00\xff this is not HTTP \r\n\r\n")
            await writer.drain()
            raise _Gone
        if seen.fault and seen.fault.startswith("error-"):
            status = seen.fault.split("-")[1]
            more = "Retry-After: 0\r\n" if seen.fault.endswith("retry-after") else ""
            writer.write(f"HTTP/1.1 {status} Trouble\r\n{more}Content-Length: 0\r\n\r\n".encode())
            await writer.drain()
            raise _Gone


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise _Gone


async def _give(seen: Seen, answer: bytes, writer: asyncio.StreamWriter) -> None:
    """Hand the answer to the client, or do one of the faults to it."""
    if seen.fault == "lost-answer":
        _reset(writer)
    if seen.fault == "truncated-answer":
        writer.write(answer[: len(answer) * 2 // 3])
        await writer.drain()
        raise _Gone
    writer.write(answer * (2 if seen.fault == "duplicate-answer" else 1))
    await writer.drain()


async def _answer(above: asyncio.StreamReader, method: str) -> bytes:
    """Read one answer with its body."""
    head = await above.readuntil(b"\r\n\r\n")
    if method == "HEAD" or head.split(b" ", 2)[1] in (b"204", b"304"):
        return head
    if _CHUNKED.search(head):
        parts = [head]
        while True:
            line = await above.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            parts += [line, await above.readexactly(size + 2)]
            if size == 0:
                return b"".join(parts)
    length = _LENGTH.search(head)
    return head + (await above.readexactly(int(length[1])) if length else b"")
