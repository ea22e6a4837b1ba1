"""What tells one event log from any other, and a whole one from one that has lost events."""

import asyncio
from typing import Final

from msgspec import Struct

from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.errors import LogChangedError
from callboard.events.jetstream_api import STREAM_NOT_FOUND, ask, error_code, granted
from callboard.events.reader import Reader, StoredMessage
from callboard.projections.losses import Losses

TAIL: Final = 1_000
"""So many events before the one that is compared are read at once: that some cannot be read any more the server does
not notice by itself. The others are read later, see ``log_patrol.py``."""

_PAUSES: Final = (0.1, 0.5)


class LogSight(Struct, frozen=True):
    """The log at one place: when its stream was created, where it ends, and the id of the event there (None: no event).

    ``lost`` are events that are not there, among those that were looked at. ``deleted`` is how many the server knows
    that it lacks.
    """

    created: str
    last_seq: int
    event_id: str | None
    lost: Losses = Losses()
    deleted: int = 0


async def look(connection: Connection, seq: int, *, tail: int = TAIL, known: Losses = Losses()) -> LogSight:  # noqa: B008 - it never changes
    """Look at the log at sequence ``seq`` (0: only at the whole of it), and at the ``tail`` of events that ends there.

    Whether those are still lost that are ``known`` to be is looked at, too.

    Raises:
        LogChangedError: the log is gone.
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
    """
    answer = await ask(connection, f"STREAM.INFO.{subjects.EVENTS}")
    if error_code(answer) == STREAM_NOT_FOUND:
        raise LogChangedError(f"the server has no stream {subjects.EVENTS} any more")
    info = granted(answer)
    state = info["state"]
    first, end = max(1, seq - tail + 1), min(seq, state["last_seq"])
    reader = Reader(connection, subjects.EVENTS)
    found = await _tail(reader, first, end)
    lost = Losses.between((message.seq for message in found), first, end) - known
    if lost:
        lost = await lost_for_good(reader, lost)
        found = await _tail(reader, first, end)
    return LogSight(
        created=info["created"],
        last_seq=state["last_seq"],
        event_id=found[-1].event_id if found and found[-1].seq == seq else None,
        lost=lost | await not_there(reader, known),
        deleted=state["last_seq"] - state["messages"],
    )


async def lost_for_good(reader: Reader, losses: Losses) -> Losses:
    """Return those of ``losses`` that the log lacks each time it is asked.

    On a cluster a replica may answer that is a little behind.

    Raises:
        LogUnavailableError: the server did not answer.
    """
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        losses = await not_there(reader, losses)
    return losses


async def not_there(reader: Reader, losses: Losses) -> Losses:
    """Return those of ``losses`` that the log lacks now; raises as :func:`lost_for_good` does."""
    left: list[tuple[int, int]] = []
    for first, last in losses.ranges:
        at = first
        while at <= last:
            # The first message from there on: one request, where all of it is lost.
            page = await reader.page(at, 1)
            there = page[0].seq if page else last + 1
            left.append((at, min(there - 1, last)))
            at = there + 1
    return Losses.of(left)


async def _tail(reader: Reader, first: int, end: int) -> list[StoredMessage]:
    page = await reader.page(first, end - first + 1) if first <= end else []
    return [message for message in page if message.seq <= end]
