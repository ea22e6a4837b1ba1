"""A server as callboard leaves it when it stops: the streams are there, and nobody serves."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError

from callboard.events.differences import ServerMismatchError
from callboard.events.streams import ensure, wanted_streams
from tests.support.waiting import PAUSE_SECONDS
from tests.support.wire import ANSWER_SECONDS

NO_STORE = "error creating store for stream"
"""The server's error 10049."""

T = TypeVar("T")


def on_server(url: str, work: Callable[[Client], Awaitable[T]]) -> T:
    """Run ``work`` with a plain NATS connection and return what it returns."""

    async def run() -> T:
        connection = await nats.connect(url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


async def made_anew(make: Callable[[], Awaitable[T]]) -> T:
    """Return what ``make`` makes of streams that were deleted a moment ago.

    The server answers a deletion before it has removed the files, and has no room for a stream of that name till then.
    """
    until = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            return await make()
        except (APIError, ServerMismatchError) as error:
            if NO_STORE not in str(error) or time.monotonic() >= until:
                raise
        await asyncio.sleep(PAUSE_SECONDS)


async def make_streams(connection: Client) -> None:
    """Make every stream of callboard."""
    await ensure(connection, wanted_streams(connection.max_payload))


async def store_event(connection: Client, task_id: str, version: int, event: str, **body: Any) -> int:
    """Store one event as the log holds it and return its sequence."""
    data = msgspec.json.encode({"id": task_id, "version": version, "at": f"2026-01-01T00:00:{version:02d}Z", **body})
    ack = await connection.jetstream().publish(f"callboard.events.task.{task_id}.{version}.{event}", data)
    return ack.seq


async def bury(connection: Client, data: bytes, headers: Mapping[str, str], reason: str = "malformed") -> int:
    """Store a dead letter and return its number."""
    ack = await connection.jetstream().publish(f"callboard.dead.{reason}", data, headers=dict(headers))
    return ack.seq


async def commands(connection: Client) -> list[Msg]:
    """Return every stored command, oldest first."""
    js = connection.jetstream()
    count = (await js.stream_info("CALLBOARD_COMMANDS")).state.messages
    if not count:
        return []
    sub = await js.pull_subscribe("", stream="CALLBOARD_COMMANDS")
    return await sub.fetch(count, timeout=5)
