"""A relay in front of a real nats-server that changes what the server says of itself, to pass for another one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


@contextlib.asynccontextmanager
async def relay(url: str, old: bytes, new: bytes) -> AsyncIterator[str]:
    """Yield the URL of a relay to the server at ``url`` that puts ``new`` for ``old`` in its greeting."""
    target = urlsplit(url)
    links: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(target.hostname, target.port)
        greeting = await up_reader.readline()
        assert old in greeting
        writer.write(greeting.replace(old, new))
        links.add(asyncio.create_task(_copy(up_reader, writer)))
        links.add(asyncio.create_task(_copy(reader, up_writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.gather(*links)
        await server.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
