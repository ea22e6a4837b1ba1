"""Where in the log a time lies: the sequence of the last event that happened up to then."""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from callboard.events.errors import InvalidValueError
from callboard.events.log_times import time_of
from callboard.events.reader import Reader
from callboard.events.submission import utc
from callboard.log_place import last_place

_FIELD: Final = "as_of"


class Place(Struct, frozen=True):
    """A place in the log: the sequence of an event, and the time whose state it stands for."""

    seq: int
    at: datetime


async def find_place(reader: Reader, as_of: int | datetime, now: datetime, last: int) -> Place:
    """Return the place that ``as_of`` names: a sequence, or a time up to which everything that happened counts.

    The times are those of the events themselves, which a copy of the log keeps. ``last`` is the last sequence of the
    log. A time takes as many requests as ``last`` has binary digits.

    Raises:
        InvalidValueError: it lies before the first event, behind the last one, or (a time) behind ``now``.
        LogUnavailableError: the server did not answer.
    """
    if not last:
        raise _refusal("left out while nothing is stored", as_of)
    if isinstance(as_of, datetime):
        return await _at_time(reader, utc(as_of, _FIELD), now, last)
    if not 1 <= as_of <= last:
        raise _refusal(f"from 1 to {last}, where the log ends", as_of)
    return Place(as_of, await time_of(reader, as_of, last) or now)


async def _at_time(reader: Reader, moment: datetime, now: datetime, last: int) -> Place:
    if moment > now:
        raise _refusal(f"a time that has passed, it is {_text(now)}", moment)
    seq = await last_place(reader, moment, last)
    if not seq:
        first = await time_of(reader, 1, last)
        happened = "" if first is None else f", which happened at {_text(first)}"
        raise _refusal(f"after the first event{happened}", moment)
    return Place(seq, moment)


def _refusal(wanted: str, got: int | datetime) -> InvalidValueError:
    shown = _text(got) if isinstance(got, datetime) else got
    return InvalidValueError(f"expected {_FIELD} to be {wanted}, got {shown}", field=_FIELD)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
