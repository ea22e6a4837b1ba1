"""Users whose newest whole day is far off their own past, by the counts of the projection ``patterns``.

The rule is in :mod:`anomalies`. Its first half, that the day lies beyond every single day of the past, is asked of all
users by SQL; few are left for the tests.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from callboard.projections.anomalies import MIN_PAST_DAYS, PAST_DAYS, Oddity, odd_failures, odd_requests
from callboard.projections.find_patterns import user_number
from callboard.projections.pattern_answers import AnomalyItem
from callboard.projections.pattern_names import named
from callboard.projections.patterns import DAY, EVERYBODY
from callboard.projections.times import micros

_FEW: Final = 4
"""As many requests in a day are never odd, whatever the past."""

_EPOCH: Final = date(1970, 1, 1)
_DAY: Final = 86_400_000_000
_NEWEST: Final = "SELECT max(day) FROM totals WHERE span = ? AND user = ? AND day < ?"
_STAMP: Final = "SELECT sum(count) FROM totals WHERE span = ? AND user = ? AND day BETWEEN ? AND ?"
_FIRST: Final = "SELECT min(day) FROM totals WHERE span = ? AND user = ?"
_DAYS: Final = "SELECT day, count, failures FROM totals WHERE span = ? AND user = ? AND day BETWEEN ? AND ?"
_CANDIDATES: Final = f"""
SELECT one.id, seen, max(count) AS most, min(count) AS least, count(day) AS days,
    max(1.0 * failures / count) AS worst, min(1.0 * failures / count) AS best
FROM (
    SELECT users.id, ifnull(newest.count, 0) AS seen, 1.0 * newest.failures / newest.count AS share
    FROM users LEFT JOIN totals AS newest ON newest.span = {DAY} AND newest.user = users.id AND newest.day = ?2
    WHERE newest.count IS NOT NULL
        OR EXISTS (SELECT 1 FROM totals WHERE span = {DAY} AND user = users.id AND day = ?2 - 1)
) AS one LEFT JOIN totals ON span = {DAY} AND user = one.id AND day BETWEEN ?1 AND ?2 - 1
GROUP BY one.id
HAVING seen > {_FEW} AND seen > ifnull(most, 0)
    OR days >= {MIN_PAST_DAYS} AND (share > worst OR share < best OR seen < least AND days = ?2 - min(day))
"""  # noqa: S608 - our own names
"""Who asked for less than on every day before was there each day, the one before as well."""


class Day(NamedTuple):
    """The day that is looked at, and what changes when a line of its past arrives late: how many lines there are."""

    day: int
    stamp: int


def newest(connection: sqlite3.Connection, now: datetime) -> Day | None:
    """Return the newest day before that of ``now`` that has any line, None while there is none."""
    [(day,)] = connection.execute(
        _NEWEST,
        (
            DAY,
            EVERYBODY,
            micros(now) // _DAY,
        ),
    )
    if day is None:
        return None
    [(stamp,)] = connection.execute(_STAMP, (DAY, EVERYBODY, day - PAST_DAYS, day))
    return Day(day, stamp)


def anomalies(connection: sqlite3.Connection, day: int, user_id: str | None = None) -> list[AnomalyItem]:
    """Return what is odd about ``day`` of one user, or of any, the least probable first."""
    if user_id is None:
        users = [row[0] for row in connection.execute(_CANDIDATES, (day - PAST_DAYS, day))]
    else:
        users = [user_number(connection, user_id)]
    names = named(connection, "users", users)
    found = [item for user in users if user in names for item in _of_user(connection, user, names[user], day)]
    return sorted(found, key=lambda item: (item.p_value, item.user_id, item.what))


def _of_user(connection: sqlite3.Connection, user: int, name: str, day: int) -> Iterable[AnomalyItem]:
    [(first,)] = connection.execute(_FIRST, (DAY, user))
    begin = max(day - PAST_DAYS, first)
    rows = {each: (count, failures) for each, count, failures in connection.execute(_DAYS, (DAY, user, begin, day))}
    seen = rows.pop(day, (0, 0))
    past = [rows.get(each, (0, 0))[0] for each in range(begin, day)]
    if (odd := odd_requests(past, seen[0])) is not None:
        yield _item(name, "requests", day, past, odd)
    active = list(rows.values())
    if (odd := odd_failures(active, seen)) is not None:
        yield _item(name, "failures", day, active, odd)


def _item(name: str, what: str, day: int, past: Sequence[object], odd: Oddity) -> AnomalyItem:
    return AnomalyItem(
        user_id=name,
        what=what,
        day=_EPOCH + timedelta(days=day),
        seen=odd.seen,
        expected=odd.expected,
        p_value=odd.p_value,
        past_days=len(past),
    )
