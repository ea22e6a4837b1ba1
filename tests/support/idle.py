"""Waiting until callboard has nothing left to do, as anybody who may ask the server sees it."""

import asyncio

from nats.js.api import ConsumerInfo

from tests.support.board_audit import check_board
from tests.support.waiting import PAUSE_SECONDS
from tests.support.wire import Wire

STREAMS = ("CALLBOARD_COMMANDS", "CALLBOARD_EVENTS")


async def until_idle(wire: Wire, seconds: float = 60.0) -> None:
    """Return once no durable consumer has anything left that was not acknowledged: first commands, then events."""
    async with asyncio.timeout(seconds):
        for stream in STREAMS:
            while any(map(_busy, await wire.js.consumers_info(stream))):  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(PAUSE_SECONDS)


async def check_idle_board(url: str) -> None:
    """Wait until callboard at ``url`` is idle, and audit all it has done."""
    wire = await Wire.open(url)
    try:
        await until_idle(wire)
    finally:
        await wire.close()
    await check_board(url)


def _busy(info: ConsumerInfo) -> bool:
    # The reader of a process that is gone lives on for a minute; it has no work.
    return info.config.durable_name is not None and bool(info.num_pending or info.num_ack_pending)
