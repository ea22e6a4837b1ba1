"""The NATS protocol by hand, for what no client library would send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

ANSWER_SECONDS = 20.0


class RawPublisher:
    """One TCP connection to a nats-server; what is published is sent byte by byte as given."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def publish(self, subject: bytes, data: bytes, headers: bytes = b"") -> list[bytes]:
        """Publish, and return the server's errors about it; it may have cut the connection before they came through."""
        if headers:
            line = b"HPUB %s %d %d\r\n" % (subject, len(headers), len(headers) + len(data))
        else:
            line = b"PUB %s %d\r\n" % (subject, len(data))
        self._writer.write(line + headers + data + b"\r\nPING\r\n")
        errors: list[bytes] = []
        with suppress(ConnectionError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._writer.drain()
                while (answer := await self._reader.readline()) and not answer.startswith(b"PONG"):
                    errors += [answer] if answer.startswith(b"-ERR") else []
        return errors


@asynccontextmanager
async def raw_publisher(url: str) -> AsyncIterator[RawPublisher]:
    """Connect to the server at ``url`` and say no more than the protocol asks for."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        await reader.readline()
        writer.write(b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"protocol":1}\r\n')
        yield RawPublisher(reader, writer)
    finally:
        writer.close()
