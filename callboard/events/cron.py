"""Cron expressions in a time zone: whether one is sound, and when it comes due next.

``cronsim`` reads the expression and walks the calendar, always in a local time without an offset. What a clock that is
set forward or back means for it is decided here, the same for five fields and for six.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from callboard.events.errors import InvalidValueError, shorten

MAX_LENGTH: Final = 256
SIX_FIELDS: Final = 6
FIELD_COUNTS: Final = (5, SIX_FIELDS)
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,3}")
_OF_THE_MACHINE: Final = frozenset({"localtime", "posixrules"})
_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_SOME_MONDAY: Final = datetime(2024, 1, 1)  # noqa: DTZ001 - a local time of nowhere in particular


def check_cron(cron: str) -> None:
    """Raise InvalidValueError unless ``cron`` has 5 fields, or 6 with the seconds first, and comes due at all."""
    if len(cron) > MAX_LENGTH:
        raise InvalidValueError(f"expected cron to have at most {MAX_LENGTH} characters, got {len(cron)}", field="cron")
    count = len(cron.split())
    if count not in FIELD_COUNTS:
        message = "expected cron to have 5 fields (minute, hour, day of month, month, day of week), or 6, seconds first"
        raise InvalidValueError(f"{message}, got {count} in {shorten(cron)}", field="cron")
    try:
        if next(_local_times(cron, _SOME_MONDAY), None) is not None:
            return
    except (CronSimError, ValueError, AssertionError) as error:
        message = f"expected cron to be an expression such as '30 9 * * MON-FRI', got {shorten(cron)}: {error}"
        raise InvalidValueError(message, field="cron") from error
    message = f"expected cron to come due within 50 years, which {shorten(cron)} never does"
    raise InvalidValueError(message, field="cron")


@lru_cache(maxsize=256)
def zone_named(name: str) -> ZoneInfo:
    """Return the time zone ``name`` of the IANA database, such as ``Europe/Berlin``.

    Raises:
        InvalidValueError: there is none of that name.
    """
    if not _ZONE.fullmatch(name) or name in _OF_THE_MACHINE:
        raise _no_zone(name)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise _no_zone(name) from error


def _no_zone(name: str) -> InvalidValueError:
    message = f"expected timezone to be a name of the IANA database, such as Europe/Berlin, got {shorten(name)}"
    return InvalidValueError(message, field="timezone")


def next_cron(cron: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Return the first moment (UTC) after ``after`` at which ``cron`` is due in ``zone``; None within 50 years.

    An expression for fixed times of the day (neither its minutes nor its hours begin with ``*``) is due once for each
    of them: a time that the clock skips is made up for at the moment it is set forward, one that comes twice counts the
    first time. Any other is due whenever the clock shows a time that matches.
    """
    try:
        return (_next_fixed if _is_fixed(cron) else _next_running)(cron, zone, after.astimezone(UTC))
    except (OverflowError, ValueError):  # the calendar ends with the year 9999
        return None


def _is_fixed(cron: str) -> bool:
    fields = cron.split()
    return not any(field.startswith("*") for field in fields[len(fields) - 5 :][:2])


def _local_times(cron: str, after: datetime) -> Iterator[datetime]:
    """Yield the local times at which ``cron`` is due, each later than the one before, the first after ``after``."""
    times = CronSim(cron, after)
    while True:
        try:
            yield next(times)
        except StopIteration:
            return


def _next_fixed(cron: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    for local in _local_times(cron, _local(after, zone)):
        # Of a time that comes twice, fold=0 is the first.
        moment = _real(local, zone).replace(tzinfo=zone).astimezone(UTC)
        if moment > after:
            return moment
    return None


def _real(local: datetime, zone: ZoneInfo) -> datetime:
    """Return ``local``, or the first minute after it that the clock shows when it skips that one."""
    while _local(local.replace(tzinfo=zone).astimezone(UTC), zone) != local:
        local += _MINUTE
    return local


def _next_running(cron: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Search one stretch with the same offset from UTC after the other."""
    start = after.replace(microsecond=0)
    floor = _local(start, zone)
    while (local := next(_local_times(cron, floor), None)) is not None:
        moment = (local - _offset(start, zone)).replace(tzinfo=UTC)
        change = _change(start, moment, zone)
        if change is None:
            return moment
        start, floor = change, _local(change, zone) - _SECOND
    return None


def _change(start: datetime, end: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the first whole second after ``start`` and up to ``end`` with another offset from UTC, None without."""
    offset, low = _offset(start, zone), start
    while low < end:
        high = min(low + _DAY, end)
        if _offset(high, zone) != offset:
            return _bisected(low, high, offset, zone)
        low = high
    return None


def _bisected(low: datetime, high: datetime, offset: timedelta, zone: ZoneInfo) -> datetime:
    while high - low > _SECOND:
        middle = low + (high - low) // (2 * _SECOND) * _SECOND
        if _offset(middle, zone) == offset:
            low = middle
        else:
            high = middle
    return high


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
