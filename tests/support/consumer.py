"""The consumers of callboard as anybody who may ask the server sees them."""

import asyncio
import time
from collections.abc import Callable

from nats.js.api import ConsumerInfo

from tests.support.waiting import PAUSE_SECONDS
from tests.support.wire import ANSWER_SECONDS, Wire

Wanted = Callable[[ConsumerInfo], bool]


async def until_settled(wire: Wire, stream: str, durable: str) -> None:
    """Wait until the consumer has nothing left that was not acknowledged."""
    await _until(wire, stream, durable, lambda info: not info.num_pending and not info.num_ack_pending)


async def until_holding(wire: Wire, stream: str, durable: str, count: int) -> None:
    """Wait until ``count`` messages were fetched through the consumer and are not acknowledged."""
    await _until(wire, stream, durable, lambda info: info.num_ack_pending == count)


async def until_unattended(wire: Wire, stream: str, durable: str) -> None:
    """Wait until nobody asks the consumer for more."""
    await _until(wire, stream, durable, lambda info: not info.num_waiting)


async def until_handed_out(wire: Wire, stream: str, durable: str, more_than: int) -> None:
    """Wait until the consumer has handed out more than so many messages, repeats included."""
    await _until(wire, stream, durable, lambda info: _handed_out(info) > more_than)


async def handed_out(wire: Wire, stream: str, durable: str) -> int:
    """Return how many messages the consumer has handed out, repeats included."""
    return _handed_out(await wire.js.consumer_info(stream, durable))


def _handed_out(info: ConsumerInfo) -> int:
    return 0 if info.delivered is None else info.delivered.consumer_seq


async def _until(wire: Wire, stream: str, durable: str, wanted: Wanted) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while not wanted(info := await wire.js.consumer_info(stream, durable)):
        assert time.monotonic() < deadline, f"waited in vain for consumer {durable}: {info}"
        await asyncio.sleep(PAUSE_SECONDS)
