"""At which hours of the week requests come."""

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from callboard.events.cron import zone_named
from callboard.projections.pattern_days import Days

_HOURS: Final = "SELECT day, hour, count FROM hours WHERE user = :user AND day >= :first AND day < :end"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_WEEKDAY: Final = 3
"""1970-01-01 was a Thursday."""


def week(connection: sqlite3.Connection, user: int, days: Days, timezone: str) -> list[list[int]]:
    """Return how many requests came in each of 24 hours of each day of the week, Monday first, on those ``days``.

    In any other zone than UTC each hour of UTC counts where it begins.

    Raises:
        InvalidValueError: there is no such time zone.
    """
    cells = [[0] * 24 for _ in range(7)]
    zone = None if timezone == "UTC" else zone_named(timezone)
    for day, hour, count in connection.execute(_HOURS, days.fields(user)).fetchall():
        weekday, local = _place(day, hour, zone)
        cells[weekday][local] += count
    return cells


def _place(day: int, hour: int, zone: ZoneInfo | None) -> tuple[int, int]:
    if zone is not None:
        try:
            there = (_EPOCH + timedelta(days=day, hours=hour)).astimezone(zone)
        except OverflowError:  # the first or last day of the calendar
            return (day + _FIRST_WEEKDAY) % 7, hour
        return there.weekday(), there.hour
    return (day + _FIRST_WEEKDAY) % 7, hour
