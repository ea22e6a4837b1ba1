"""Lines for the request log of a callboard that runs, and what it says of them."""

import asyncio
from typing import Any

import msgspec
from nats.aio.client import Client as NatsClient

from callboard.client import Client
from callboard.pattern_replies import Patterns
from tests.support.running import Running
from tests.support.streams import on_server

_STREAM = "CALLBOARD_REQUESTS"


def publish(board: Running, *lines: bytes) -> int:
    """Publish ``lines`` to the request log and return the sequence of the last one."""

    async def published(connection: NatsClient) -> int:
        stream = connection.jetstream()
        return [await stream.publish("callboard.request", each) for each in lines][-1].seq

    return on_server(board.url, published)


def purge(board: Running) -> None:
    """Let the request log forget all its lines."""

    async def purged(connection: NatsClient) -> bool:
        answer = await connection.request(f"$JS.API.STREAM.PURGE.{_STREAM}", b"", timeout=10)
        return bool(msgspec.json.decode(answer.data)["success"])

    assert on_server(board.url, purged)


def asked(board: Running, **fields: Any) -> Patterns:
    """Return the patterns that a client gets."""

    async def patterns() -> Patterns:
        async with Client(board.url) as client:
            return await client.patterns(**fields)

    return asyncio.run(patterns())
