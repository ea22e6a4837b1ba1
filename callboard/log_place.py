"""A place in the event log as people give it: a sequence, or a time."""

from datetime import datetime

from callboard.events.errors import InvalidValueError, shorten
from callboard.events.log_times import first_since
from callboard.events.reader import Reader

LogPlace = int | datetime
"""A sequence, counted from 1, or a time with an offset."""


def parse_place(text: str, field: str) -> LogPlace:
    """Return the place that ``text`` names.

    Raises:
        InvalidValueError: it is neither a sequence nor a time with an offset; ``field`` is named in the message.
    """
    if text.isdecimal() and int(text) > 0:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = f"expected {field} to be a sequence from 1 on, or a time such as 2026-01-31T09:00:00Z"
        raise InvalidValueError(f"{message}, got {shorten(text)}", field=field)
    return moment


async def first_place(reader: Reader, since: LogPlace | None, last: int) -> int:
    """Return the first sequence at or behind ``since`` (None: the beginning) in a log that ends at ``last``."""
    if isinstance(since, datetime):
        return await first_since(reader, since, last)
    return since or 1


async def last_place(reader: Reader, until: LogPlace | None, last: int) -> int:
    """Return the last sequence at or before ``until`` (None: the end) in a log that ends at ``last``; 0 for none.

    An event that happened at that very time is within.
    """
    if isinstance(until, datetime):
        return await first_since(reader, _just_after(until), last) - 1
    return last if until is None else min(until, last)


def _just_after(moment: datetime) -> datetime:
    return moment + datetime.resolution
