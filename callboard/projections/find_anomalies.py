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
SELECT users.id,
    max(CASE WHEN day = ?2 THEN count ELSE 0 END) AS seen,
    max(CASE WHEN day = ?2 THEN 1.0 * failures / count END) AS share,
    max(CASE WHEN day < ?2 THEN count ELSE 0 END) AS most,
    min(CASE WHEN day < ?2 THEN count END) AS least,
    max(CASE WHEN day < ?2 THEN 1.0 * failures / count END) AS worst,
    min(CASE WHEN day < ?2 THEN 1.0 * failures / count END) AS best,
    sum(day < ?2) AS days
FROM users CROSS JOIN totals ON span = {DAY} AND user = users.id AND day BETWEEN ?1 AND ?2
GROUP BY users.id
HAVING seen > {_FEW} AND seen > most
    OR days >= {MIN_PAST_DAYS} AND (seen < least OR share > worst OR share < best)
"""  # noqa: S608 - our own names


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
