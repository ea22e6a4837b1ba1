"""Reading a stretch of the log in large batches, the next one while the one before is worked on."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from callboard.events.connection import Connection
from callboard.events.errors import LogUnavailableError
from callboard.events.log_pages import LogPages
from callboard.events.message import Message
from callboard.events.reader import Reader
from callboard.events.subjects import EVENT_PREFIX, EVENTS
from callboard.events.ticket import sequence_of

BATCH: Final = 25_000
"""The more events of a task are applied together, the fewer rows are written; two of these fill some 50 MB."""


async def batches(connection: Connection, first: int, last: int) -> AsyncGenerator[list[Message], None]:
    """Yield the messages of the log from sequence ``first`` to ``last``, and maybe some more, in order.

    Messages that the log has lost are missing.

    Raises:
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
    """
    if first > last:
        return
    pages = await LogPages.open(connection, EVENTS, f"{EVENT_PREFIX}.>", first)
    ahead: asyncio.Task[list[Message]] | None = None
    try:
        batch, at = await _batch(pages, last), first - 1
        while batch and _seq(batch) < last:
            ahead = asyncio.ensure_future(_batch(pages, last))
            yield batch
            batch, at = await ahead, _seq(batch)
        if batch:
            yield batch
        else:
            await _check_end(connection, at + 1, last)
    finally:
        if ahead is not None:
            ahead.cancel()
        await pages.close()


async def _check_end(connection: Connection, first: int, last: int) -> None:
    """Make sure that nothing is left from ``first`` to ``last``, however the reading ended."""
    left = await Reader(connection, EVENTS).page(first, 1)
    if left and left[0].seq <= last:
        raise LogUnavailableError(f"expected the event log to go on at sequence {left[0].seq}, found its end before")


async def _batch(pages: LogPages, last: int) -> list[Message]:
    """Return messages that follow, less than ``BATCH`` at the end or behind ``last``, none behind the end."""
    batch: list[Message] = []
    while len(batch) < BATCH and (not batch or _seq(batch) < last):
        page = await pages.next_messages()
        if not page:
            break
        batch += page
    return batch


def _seq(batch: list[Message]) -> int:
    """Return the sequence of the last message of ``batch``."""
    return sequence_of(batch[-1].reply)
