"""What tells one event log from any other, and a whole one from one that has lost events."""

import asyncio
from typing import Final

from msgspec import Struct

from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.errors import LogChangedError
from callboard.events.jetstream_api import STREAM_NOT_FOUND, ask, error_code, granted
from callboard.events.reader import Reader, StoredMessage

TAIL: Final = 1_000
"""So many events before the one that is compared are read: that some cannot be read any more the server does not notice
by itself. To read the whole log at every start would take too long; ``callboard check`` does."""

_PAUSES: Final = (0.1, 0.5)


class LogSight(Struct, frozen=True):
    """The log at one place: when its stream was created, where it ends, and the id of the event there (None: no event).

    ``missing`` counts events that are known to be lost.
    """

    created: str
    last_seq: int
    event_id: str | None
    missing: int


async def look(connection: Connection, seq: int, *, tail: int = TAIL) -> LogSight:
    """Look at the log at sequence ``seq`` (0: only at the whole of it), and at the ``tail`` of events that ends there.

    Raises:
        LogChangedError: the log is gone.
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
    """
    answer = await ask(connection, f"STREAM.INFO.{subjects.EVENTS}")
    if error_code(answer) == STREAM_NOT_FOUND:
        raise LogChangedError(f"the server has no stream {subjects.EVENTS} any more")
    info = granted(answer)
    state = info["state"]
    first = max(1, seq - tail + 1)
    end = min(seq, state["last_seq"])
    found = await _tail(Reader(connection, subjects.EVENTS), first, end)
    return LogSight(
        created=info["created"],
        last_seq=state["last_seq"],
        event_id=found[-1].event_id if found and found[-1].seq == seq else None,
        missing=max(state["last_seq"] - state["messages"], max(0, end - first + 1) - len(found)),
    )


async def _tail(reader: Reader, first: int, end: int) -> list[StoredMessage]:
    """Return the messages from ``first`` to ``end`` that are there; what is missing is asked for more than once.

    On a cluster a replica may answer that is a little behind.
    """
    found: list[StoredMessage] = []
    for pause in (*_PAUSES, None):
        page = await reader.page(first, end - first + 1) if first <= end else []
        found = [message for message in page if message.seq <= end]
        if pause is None or len(found) >= end - first + 1:
            break
        await asyncio.sleep(pause)
    return found
