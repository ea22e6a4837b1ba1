"""Where in the log a time lies: the sequence of the last event stored up to then."""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from callboard.events.errors import InvalidValueError
from callboard.events.reader import Reader, StoredMessage
from callboard.events.submission import utc

_FIELD: Final = "as_of"


class Place(Struct, frozen=True):
    """A place in the log: the sequence of an event, and the time whose state it stands for."""

    seq: int
    at: datetime


async def find_place(reader: Reader, as_of: int | datetime, now: datetime) -> Place:
    """Return the place that ``as_of`` names: a sequence, or a time up to which everything stored counts.

    It takes two or three requests, however long the log is.

    Raises:
        InvalidValueError: it lies before the first event, behind the last one, or (a time) behind ``now``.
        LogUnavailableError: the server did not answer.
    """
    last = await reader.latest()
    if last is None:
        raise _refusal("left out while nothing is stored", as_of)
    if isinstance(as_of, datetime):
        return await _at_time(reader, utc(as_of, _FIELD), last, now)
    if not 1 <= as_of <= last.seq:
        raise _refusal(f"from 1 to {last.seq}, where the log ends", as_of)
    [event] = await reader.page(as_of, 1)
    return Place(as_of, datetime.fromisoformat(event.stored_at))


async def _at_time(reader: Reader, moment: datetime, last: StoredMessage, now: datetime) -> Place:
    if moment > now:
        raise _refusal(f"a time that has passed, it is {_text(now)}", moment)
    # The server keeps nanoseconds: what was stored at that very microsecond's beginning still counts.
    after = await reader.first_since(f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}001Z")
    if after is not None and after.seq == 1:
        raise _refusal(f"after the first event, stored at {after.stored_at}", moment)
    return Place(last.seq if after is None else after.seq - 1, moment)


def _refusal(wanted: str, got: int | datetime) -> InvalidValueError:
    shown = _text(got) if isinstance(got, datetime) else got
    return InvalidValueError(f"expected {_FIELD} to be {wanted}, got {shown}", field=_FIELD)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
