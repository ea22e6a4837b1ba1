"""The query about patterns, over the counts of the projection ``patterns``."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from callboard.projections.find_hours import week
from callboard.projections.pattern_answers import (
    ActionItem,
    EntityItem,
    IntentItem,
    PatternsAnswer,
    UserItem,
)
from callboard.projections.pattern_names import named
from callboard.projections.patterns import ALWAYS, DAY, EVERYBODY, PERIOD
from callboard.projections.patterns_asked import PatternsAsked
from callboard.projections.reader import snapshot
from callboard.projections.times import micros, moment

USER_ACTIONS: Final = 5
"""Actions shown of each user where all are asked about."""

ENTITIES: Final = 10
"""Values shown of the entities of one intent."""

_ALL_TIME: Final = -1_000_000
"""A day before any other, and the first of a period."""

_DAY: Final = 86_400_000_000
_SUMS: Final = "sum(count), sum(failures), sum(took), max(longest)"
_ACTIONS: Final = f"""
SELECT action, {_SUMS} FROM (
    SELECT action, count, failures, took, longest FROM activity WHERE user = ?1 AND span = {PERIOD} AND day >= ?2
    UNION ALL
    SELECT action, count, failures, took, longest FROM activity
    WHERE user = ?1 AND span = {DAY} AND day >= ?3 AND day < ?2
) GROUP BY action ORDER BY sum(count) DESC, action LIMIT ?4
"""  # noqa: S608 - our own names
_TOTALS: Final = f"""
SELECT {_SUMS} FROM (
    SELECT count, failures, took, longest FROM totals WHERE span = {PERIOD} AND user = ?1 AND day >= ?2
    UNION ALL
    SELECT count, failures, took, longest FROM totals WHERE span = {DAY} AND user = ?1 AND day >= ?3 AND day < ?2
)
"""  # noqa: S608 - our own names
_BUSIEST: Final = f"""
SELECT id, (
    SELECT coalesce(sum(count), 0) FROM totals WHERE span = {PERIOD} AND user = users.id AND day >= ?1
) + (
    SELECT coalesce(sum(count), 0) FROM totals WHERE span = {DAY} AND user = users.id AND day >= ?2 AND day < ?1
) AS requests
FROM users WHERE requests > 0 ORDER BY requests DESC, id LIMIT ?3
"""  # noqa: S608 - our own names
_BUSIEST_EVER: Final = "SELECT user, count FROM totals WHERE span = ? AND user > ? ORDER BY count DESC, user LIMIT ?"
_INTENTS: Final = f"""
SELECT intent, {_SUMS} FROM intent_days WHERE user = ? AND day >= ?
GROUP BY intent ORDER BY sum(count) DESC, intent LIMIT ?
"""  # noqa: S608 - our own names
_ENTITIES: Final = """
SELECT name, value, sum(count) FROM entities WHERE user = ? AND intent = ? AND period >= ?
GROUP BY name, value ORDER BY sum(count) DESC, name, value LIMIT ?
"""

Sums = Sequence[Any]
"""Lines, failures, microseconds of all and of the longest."""


class Stretch(NamedTuple):
    """The days from ``first`` on: whole periods from ``whole`` on, and single days before."""

    first: int
    whole: int

    @classmethod
    def since(cls, moment: datetime | None) -> "Stretch":
        """Return the days from that of ``moment`` on, or all of them."""
        if moment is None:
            return cls(_ALL_TIME, _ALL_TIME)
        day = micros(moment) // _DAY
        return cls(day, day + -day % PERIOD)


def patterns(connection: sqlite3.Connection, asked: PatternsAsked) -> PatternsAnswer:
    """Return the patterns of one user, or of all, without anomalies and tasks."""
    stretch = Stretch.since(asked.since)
    with snapshot(connection, "patterns") as as_of_seq:
        user = EVERYBODY if asked.user_id is None else user_number(connection, asked.user_id)
        total = connection.execute(_TOTALS, (user, stretch.whole, stretch.first)).fetchone()
        cells = week(connection, user, stretch.first, asked.timezone)
        return PatternsAnswer(
            user_id=asked.user_id,
            since=None if asked.since is None else moment(stretch.first * _DAY),
            timezone=asked.timezone,
            requests=total[0] or 0,
            actions=_actions(connection, user, stretch, asked.limit),
            users=_users(connection, _listed(connection, user, stretch, asked.limit), stretch),
            intents=_intents(connection, user, stretch, asked.limit),
            hours=[sum(day[hour] for day in cells) for hour in range(24)],
            weekdays=[sum(day) for day in cells],
            week=cells,
            malformed=sum(count for (count,) in connection.execute("SELECT count FROM malformed")),
            as_of_seq=as_of_seq,
        )


def user_number(connection: sqlite3.Connection, user_id: str) -> int:
    """Return the number that stands for ``user_id``, one that no user has for one who never asked for anything."""
    row = connection.execute("SELECT id FROM users WHERE name = ?", (user_id,)).fetchone()
    return -1 if row is None else int(row[0])


def _actions(connection: sqlite3.Connection, user: int, stretch: Stretch, limit: int) -> list[ActionItem]:
    rows = connection.execute(_ACTIONS, (user, stretch.whole, stretch.first, limit)).fetchall()
    names = named(connection, "actions", (row[0] for row in rows))
    return [ActionItem(action=names[number], max_ms=sums[3] / 1_000, **rates(sums)) for number, *sums in rows]


def _listed(connection: sqlite3.Connection, user: int, stretch: Stretch, limit: int) -> list[int]:
    if user != EVERYBODY:
        return [user]
    if stretch.first == _ALL_TIME:
        rows = connection.execute(_BUSIEST_EVER, (ALWAYS, EVERYBODY, limit)).fetchall()
        return [number for number, _ in rows]
    return [number for number, _ in connection.execute(_BUSIEST, (stretch.whole, stretch.first, limit)).fetchall()]


def _users(connection: sqlite3.Connection, numbers: list[int], stretch: Stretch) -> list[UserItem]:
    names, found = named(connection, "users", numbers), []
    for number in numbers:
        sums = connection.execute(_TOTALS, (number, stretch.whole, stretch.first)).fetchone()
        if sums[0]:
            actions = _actions(connection, number, stretch, USER_ACTIONS)
            found.append(UserItem(user_id=names[number], actions=actions, **rates(sums)))
    return found


def _intents(connection: sqlite3.Connection, user: int, stretch: Stretch, limit: int) -> list[IntentItem]:
    rows = connection.execute(_INTENTS, (user, stretch.first, limit)).fetchall()
    names, period = named(connection, "intents", (row[0] for row in rows)), stretch.first - stretch.first % PERIOD
    return [
        IntentItem(intent=names[number], entities=_entities(connection, user, number, period), **rates(sums))
        for number, *sums in rows
    ]


def _entities(connection: sqlite3.Connection, user: int, intent: int, period: int) -> list[EntityItem]:
    rows = connection.execute(_ENTITIES, (user, intent, period, ENTITIES)).fetchall()
    return [EntityItem(name=name, value=value, count=count) for name, value, count in rows]


def rates(sums: Sums) -> dict[str, Any]:
    """Return ``count``, ``avg_ms`` and ``success_rate`` of ``sums``, which count at least one line."""
    count, failures, took, *_ = sums
    return {"count": count, "avg_ms": took / count / 1_000, "success_rate": 1 - failures / count}
