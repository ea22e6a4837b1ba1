"""Where in the log a time lies: the sequence of the last event that happened up to then."""

from datetime import UTC, datetime

from msgspec import Struct

from callboard.events.errors import InvalidValueError
from callboard.events.log_times import time_of
from callboard.events.reader import Reader
from callboard.events.submission import utc
from callboard.log_place import LogPlace, last_place


class Place(Struct, frozen=True):
    """A place in the log: the sequence of an event, and the time whose state it stands for."""

    seq: int
    at: datetime


async def find_place(reader: Reader, named: LogPlace, now: datetime, last: int, *, field: str = "as_of") -> Place:
    """Return the place that ``named`` is: a sequence, or a time up to which everything that happened counts.

    The times are those of the events themselves, which a copy of the log keeps. ``last`` is the last sequence of the
    log. A time takes as many requests as ``last`` has binary digits. ``field`` is who was given ``named``.

    Raises:
        InvalidValueError: it lies before the first event, behind the last one, or (a time) behind ``now``.
        LogUnavailableError: the server did not answer.
    """
    if not last:
        raise _refusal(field, "left out while nothing is stored", named)
    if isinstance(named, datetime):
        moment = utc(named, field)
        return Place(await _seq_at(reader, moment, now, last, field), moment)
    if not 1 <= named <= last:
        raise _refusal(field, f"from 1 to {last}, where the log ends", named)
    return Place(named, await time_of(reader, named, last) or now)


async def _seq_at(reader: Reader, moment: datetime, now: datetime, last: int, field: str) -> int:
    if moment > now:
        raise _refusal(field, f"a time that has passed, it is {_text(now)}", moment)
    seq = await last_place(reader, moment, last)
    if not seq:
        first = await time_of(reader, 1, last)
        happened = "" if first is None else f", which happened at {_text(first)}"
        raise _refusal(field, f"after the first event{happened}", moment)
    return seq


def _refusal(field: str, wanted: str, got: LogPlace) -> InvalidValueError:
    shown = _text(got) if isinstance(got, datetime) else got
    return InvalidValueError(f"expected {field} to be {wanted}, got {shown}", field=field)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
