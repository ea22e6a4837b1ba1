"""Reading a stretch of the log in large batches, the next one while the one before is worked on."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from callboard.events.connection import Connection
from callboard.events.errors import LogUnavailableError
from callboard.events.log_pages import LogPages
from callboard.events.message import Message
from callboard.events.subjects import EVENT_PREFIX, EVENTS
from callboard.events.ticket import sequence_of

BATCH: Final = 25_000
"""The more events of a task are applied together, the fewer rows are written; two of these fill some 50 MB."""


async def batches(connection: Connection, first: int, last: int) -> AsyncGenerator[list[Message], None]:
    """Yield the messages of the log from sequence ``first`` to ``last``, and maybe some more, in order.

    Raises:
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
    """
    if first > last:
        return
    pages = await LogPages.open(connection, EVENTS, f"{EVENT_PREFIX}.>", first)
    ahead: asyncio.Task[list[Message]] | None = None
    try:
        batch = await _batch(pages, last)
        while _seq(batch) < last:
            ahead = asyncio.ensure_future(_batch(pages, last))
            yield batch
            batch = await ahead
        yield batch
    finally:
        if ahead is not None:
            ahead.cancel()
        await pages.close()


async def _batch(pages: LogPages, last: int) -> list[Message]:
    batch: list[Message] = []
    while len(batch) < BATCH and (not batch or _seq(batch) < last):
        page = await pages.next_messages()
        if not page:
            raise LogUnavailableError(f"expected the event log to go on up to sequence {last}, found its end before")
        batch += page
    return batch


def _seq(batch: list[Message]) -> int:
    """Return the sequence of the last message of ``batch``."""
    return sequence_of(batch[-1].reply)
