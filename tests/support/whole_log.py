"""The event log of a server, as a test reads it by itself, and the views of any beginning of it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from callboard.events.connection import Connection
from callboard.events.reader import Reader, StoredMessage
from callboard.events.subjects import EVENTS
from callboard.projections.log_event import LogEvent
from callboard.projections.queries import Queries
from tests.support.views import filled
from tests.support.waiting import PAUSE_SECONDS


async def whole_log(url: str) -> list[StoredMessage]:
    """Return everything the event log holds, with the times at which it was stored."""
    connection = Connection()
    await connection.open(url)
    try:
        return await Reader(connection, EVENTS).page(1, 10_000)
    finally:
        await connection.close()


async def log_with(url: str, text: str, seconds: float = 20.0) -> list[StoredMessage]:
    """Return the whole log as soon as ``text`` stands in the subject of one of its messages."""
    deadline = time.monotonic() + seconds
    while True:
        found = await whole_log(url)
        if any(text in each.subject for each in found):
            return found
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {text} in the log"
        await asyncio.sleep(PAUSE_SECONDS)


@contextlib.asynccontextmanager
async def views_of(log: list[StoredMessage], path: Path) -> AsyncIterator[Queries]:
    """Views in ``path`` that were fed ``log`` and nothing more, closed at the end."""
    events = [LogEvent.from_message(each.subject, each.seq, each.data, each.event_id) for each in log]
    queries = Queries(filled(path, [events]))
    try:
        yield queries
    finally:
        queries.close()
