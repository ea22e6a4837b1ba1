"""Finding the place of a time in the event log."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from callboard.events.reader import Reader

_PAGE: Final = 32
"""Messages looked at for one that has a time: records beside the events have none."""


class _Stamped(Struct):
    at: datetime


_stamped: Final = msgspec.json.Decoder(_Stamped)


async def first_since(reader: Reader, moment: datetime, last: int) -> int:
    """Return the sequence of the first event that happened at ``moment`` or later, ``last`` + 1 when there is none.

    It is found by halving: events are in the order of their times (``at``) but for moments, when several processes
    write or a clock is set. ``last`` is the last sequence of the log.

    Raises:
        LogUnavailableError: the server did not answer.
    """
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        found = await _first_time(reader, middle, high)
        if found is None or found[1] >= moment:
            high = middle
        else:
            low = found[0] + 1
    return low


async def time_of(reader: Reader, seq: int, last: int) -> datetime | None:
    """Return when the event with sequence ``seq`` happened.

    Of one that is lost, or does not say, it is the time of one shortly before it, else of the next one up to ``last``,
    else of any before. None when no event of the log says when it happened.

    Raises:
        LogUnavailableError: the server did not answer.
    """
    for first in (seq, max(1, seq - _PAGE + 1)):
        page = await reader.page(first, seq - first + 1)
        times = [event_time(message.data) for message in page if message.seq <= seq]
        told = [at for at in times if at is not None]
        if told:
            return told[-1]
    found = await _first_time(reader, seq, last + 1) or await _first_time(reader, 1, seq)
    return None if found is None else found[1]


async def _first_time(reader: Reader, start: int, end: int) -> tuple[int, datetime] | None:
    """Return sequence and time of the first event from ``start`` on that has one, None for none before ``end``."""
    while start < end:
        page = await reader.page(start, min(_PAGE, end - start))
        for message in page:
            if message.seq >= end:
                return None
            at = event_time(message.data)
            if at is not None:
                return message.seq, at
        if not page:
            return None
        start = page[-1].seq + 1
    return None


def event_time(data: bytes) -> datetime | None:
    """Return when the event with the body ``data`` happened, None for a body that does not say."""
    try:
        at = _stamped.decode(data).at
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return at if at.tzinfo is not None else None
