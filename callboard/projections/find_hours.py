"""At which hours of the week requests come."""

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from callboard.events.cron import zone_named
from callboard.projections.pattern_days import Days

_HOURS: Final = """
SELECT day, hour, first, second, third, fourth FROM hours WHERE user = :user AND day >= :first AND day < :end
"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_WEEKDAY: Final = 3
"""1970-01-01 was a Thursday."""

_QUARTER: Final = timedelta(minutes=15)


def week(connection: sqlite3.Connection, user: int, days: Days, timezone: str) -> list[list[int]]:
    """Return how many requests came in each of 24 hours of each day of the week, Monday first, on those ``days``.

    Each quarter of an hour counts where it begins in ``timezone``.

    Raises:
        InvalidValueError: there is no such time zone.
    """
    cells = [[0] * 24 for _ in range(7)]
    zone = None if timezone == "UTC" else zone_named(timezone)
    for day, hour, *quarters in connection.execute(_HOURS, days.fields(user)).fetchall():
        for weekday, local, count in _placed(day, hour, quarters, zone):
            cells[weekday][local] += count
    return cells


def _placed(day: int, hour: int, quarters: list[int], zone: ZoneInfo | None) -> Iterable[tuple[int, int, int]]:
    """Yield day of the week, hour and count where ``quarters``, those of an hour of UTC, lie in ``zone``."""
    try:
        began = None if zone is None else (_EPOCH + timedelta(days=day, hours=hour))
        there = None if began is None else began.astimezone(zone)
        if began is None or there is None:
            yield (day + _FIRST_WEEKDAY) % 7, hour, sum(quarters)
        elif there.minute == 0:
            yield there.weekday(), there.hour, sum(quarters)
        else:
            moments = [(began + number * _QUARTER).astimezone(zone) for number in range(4)]
            yield from ((at.weekday(), at.hour, count) for at, count in zip(moments, quarters, strict=True))
    except OverflowError:  # the first or last day of the calendar
        yield (day + _FIRST_WEEKDAY) % 7, hour, sum(quarters)
