"""A webhook receiver on 127.0.0.1 that keeps what it gets and answers byte by byte as a test tells it to.

async with Receiver(answering(204)) as receiver:
    …receiver.url, receiver.requests
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

TICK_SECONDS = 0.02


class Request(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Request, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Receiver:
    """What came is in ``requests``, the names TLS clients asked for in ``server_names``; ``connections`` counts.

    ``arrived`` is set once a request has come, ``gone`` once a connection has ended.
    """

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self._answer, self._tls = answer, tls
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[Request] = []
        self.connections = 0
        self.server_names: list[str | None] = []
        self.arrived, self.gone = asyncio.Event(), asyncio.Event()
        if tls:
            tls.sni_callback = lambda _socket, name, _context: self.server_names.append(name)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async for request in _requests(reader):
                self.requests.append(request)
                self.arrived.set()
                await self._answer(request, reader, writer)
                await writer.drain()
                if writer.is_closing():
                    break
        except ConnectionError:
            pass
        finally:
            self.gone.set()
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[Request]:
    with suppress(asyncio.IncompleteReadError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
            method, target, _version = head[0].split(" ")
            headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in head[1:-1])}
            yield Request(method, target, headers, await reader.readexactly(int(headers["content-length"])))


def answering(status: int, headers: str = "", body: bytes = b"") -> Answer:
    """An answer in one piece; ``headers`` are lines that end in CR LF."""
    head = f"HTTP/1.1 {status} Whatever\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode()

    async def answer(_request: Request, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head + body)

    return answer


def dripping(first: bytes, drop: bytes) -> Answer:
    """An answer that begins with ``first`` and never ends: a ``drop`` now and then."""

    async def answer(_request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not reader.at_eof():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(TICK_SECONDS)

    return answer


def flooding(first: bytes, chunk: bytes) -> Answer:
    """An answer that begins with ``first`` and goes on as fast as it is read."""

    async def answer(_request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not reader.at_eof():
            writer.write(chunk)
            await writer.drain()

    return answer


async def silent(_request: Request, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """No answer, for as long as the other side waits."""
    await reader.read()


async def closing(_request: Request, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The connection closed in place of an answer."""
    writer.close()
