"""Taking over at once what was delivered to a process that is no more.

The server keeps a delivered message for its receiver until the ack wait is over, whether or not that receiver lives.
Only somebody who knows that no receiver lives may cut this short.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from callboard.events.connection import Connection
from callboard.events.consumers import listed
from callboard.events.jetstream_api import demand

EXPIRED_SECONDS: Final = 0.25
"""Longer than the 0.1 s after which the server looks through what is pending once an ack wait has changed."""

_SHORT_NANOSECONDS: Final = 1_000_000


async def take_over(connection: Connection, streams: Iterable[str]) -> int:
    """Have all that the durable consumers of ``streams`` wait for delivered again; return how many messages that is.

    The ack wait is made so short for a moment that it is over. Nothing is removed and no position changes, so that
    nothing is lost whatever ends this half-way: the next start does it again, or :func:`consumers.durable` puts the
    ack wait right.

    Raises:
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
    """
    held = [consumer for stream in streams for consumer in await listed(connection, stream) if _holds(consumer)]
    if not held:
        return 0
    for consumer in held:
        await _set_ack_wait(connection, consumer, _SHORT_NANOSECONDS)
    await asyncio.sleep(EXPIRED_SECONDS)
    for consumer in held:
        await _set_ack_wait(connection, consumer, consumer["config"]["ack_wait"])
    return sum(int(consumer["num_ack_pending"]) for consumer in held)


def _holds(consumer: dict[str, Any]) -> bool:
    return bool(consumer["num_ack_pending"]) and "durable_name" in consumer["config"]


async def _set_ack_wait(connection: Connection, consumer: dict[str, Any], nanoseconds: int) -> None:
    stream, name = consumer["stream_name"], consumer["name"]
    config = {**consumer["config"], "ack_wait": nanoseconds}
    body = {"stream_name": stream, "action": "update", "config": config}
    await demand(connection, f"CONSUMER.CREATE.{stream}.{name}", body)
