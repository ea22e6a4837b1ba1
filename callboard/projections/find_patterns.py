"""The query about patterns, over the counts of the projection ``patterns``."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from callboard.projections.find_entities import dropped_entities, entities
from callboard.projections.find_hours import week
from callboard.projections.pattern_answers import ActionItem, DroppedItem, IntentItem, PatternsAnswer, UserItem
from callboard.projections.pattern_days import Days, parts
from callboard.projections.pattern_names import OTHER_ID, named
from callboard.projections.patterns import ALWAYS, DAY, EVERYBODY
from callboard.projections.patterns_asked import PatternsAsked
from callboard.projections.reader import snapshot
from callboard.projections.times import moment

USER_ACTIONS: Final = 5
"""Actions shown of each user where all are asked about."""

_COLUMNS: Final = "count, failures, took, longest"
_SUMS: Final = "sum(count), sum(failures), sum(took), max(longest)"
_ACTIONS: Final = f"""
SELECT action, {_SUMS} FROM ({" UNION ALL ".join(parts(f"action, {_COLUMNS}", "activity"))})
GROUP BY action ORDER BY sum(count) DESC, action LIMIT :limit
"""  # noqa: S608 - our own names
_TOTALS: Final = f"SELECT {_SUMS} FROM ({' UNION ALL '.join(parts(_COLUMNS, 'totals'))})"  # noqa: S608 - our own names
_REQUESTS: Final = [f"({part})" for part in parts("coalesce(sum(count), 0)", "totals", "users.id")]
_BUSIEST: Final = """
SELECT id, {} AS requests FROM users WHERE requests > 0 ORDER BY requests DESC, id LIMIT :limit
"""
_BUSIEST_SINCE: Final = _BUSIEST.format(" + ".join(_REQUESTS[:2]))
_BUSIEST_BETWEEN: Final = _BUSIEST.format(" + ".join(_REQUESTS))
_BUSIEST_EVER: Final = "SELECT user, count FROM totals WHERE span = ? AND user > ? ORDER BY count DESC, user LIMIT ?"
_INTENTS: Final = f"""
SELECT intent, {_SUMS} FROM intent_days WHERE user = :user AND day >= :first AND day < :end
GROUP BY intent ORDER BY sum(count) DESC, intent LIMIT :limit
"""  # noqa: S608 - our own names
_OTHER_ACTIONS: Final = f"""
SELECT coalesce(sum(activity.count), 0) FROM ({" UNION ALL ".join(parts("user, span, day", "totals"))}) AS one
CROSS JOIN activity
ON activity.user = one.user AND activity.span = one.span AND activity.day = one.day AND action = {OTHER_ID}
"""  # noqa: S608 - our own names
_OTHER_INTENTS: Final = f"""
SELECT coalesce(sum(meant.count), 0) FROM totals CROSS JOIN intent_days AS meant
ON meant.user = totals.user AND meant.day = totals.day AND intent = {OTHER_ID}
WHERE span = {DAY} AND totals.user = :user AND totals.day >= :first AND totals.day < :end
"""  # noqa: S608 - our own names

Sums = Sequence[Any]
"""Lines, failures, microseconds of all and of the longest."""


def patterns(connection: sqlite3.Connection, asked: PatternsAsked) -> PatternsAnswer:
    """Return the patterns of one user, or of all, without anomalies and tasks."""
    days = Days.between(asked.since, asked.until)
    with snapshot(connection, "patterns") as as_of_seq:
        user = EVERYBODY if asked.user_id is None else user_number(connection, asked.user_id)
        total = connection.execute(_TOTALS, days.fields(user)).fetchone()
        cells = week(connection, user, days, asked.timezone)
        return PatternsAnswer(
            user_id=asked.user_id,
            since=moment(days.begin),
            until=moment(days.finish),
            timezone=asked.timezone,
            requests=total[0] or 0,
            actions=_actions(connection, user, days, asked.limit),
            users=_users(connection, _listed(connection, user, days, asked.limit), days),
            intents=_intents(connection, user, days, asked.limit),
            dropped=_dropped(connection, user, days),
            hours=[sum(day[hour] for day in cells) for hour in range(24)],
            weekdays=[sum(day) for day in cells],
            week=cells,
            malformed=_malformed(connection) if asked.until is None else None,
            as_of_seq=as_of_seq,
        )


def user_number(connection: sqlite3.Connection, user_id: str) -> int:
    """Return the number that stands for ``user_id``, one that no user has for one who never asked for anything."""
    row = connection.execute("SELECT id FROM users WHERE name = ?", (user_id,)).fetchone()
    return -1 if row is None else int(row[0])


def _actions(connection: sqlite3.Connection, user: int, days: Days, limit: int) -> list[ActionItem]:
    rows = connection.execute(_ACTIONS, days.fields(user, limit)).fetchall()
    names = named(connection, "actions", (row[0] for row in rows))
    return [ActionItem(action=names[number], max_ms=sums[3] / 1_000, **rates(sums)) for number, *sums in rows]


def _listed(connection: sqlite3.Connection, user: int, days: Days, limit: int) -> list[int]:
    if user != EVERYBODY:
        return [user]
    if days.ever:
        rows = connection.execute(_BUSIEST_EVER, (ALWAYS, EVERYBODY, limit)).fetchall()
    else:
        # There is nothing behind the last whole period unless the days are over.
        sql = _BUSIEST_SINCE if days.finish is None else _BUSIEST_BETWEEN
        rows = connection.execute(sql, days.fields(user, limit)).fetchall()
    return [number for number, _ in rows]


def _users(connection: sqlite3.Connection, numbers: list[int], days: Days) -> list[UserItem]:
    names, found = named(connection, "users", numbers), []
    for number in numbers:
        sums = connection.execute(_TOTALS, days.fields(number)).fetchone()
        if sums[0]:
            actions = _actions(connection, number, days, USER_ACTIONS)
            found.append(UserItem(user_id=names[number], actions=actions, **rates(sums)))
    return found


def _intents(connection: sqlite3.Connection, user: int, days: Days, limit: int) -> list[IntentItem]:
    rows = connection.execute(_INTENTS, days.fields(user, limit)).fetchall()
    names = named(connection, "intents", (row[0] for row in rows))
    return [
        IntentItem(intent=names[number], **entities(connection, user, number, days), **rates(sums))
        for number, *sums in rows
    ]


def _dropped(connection: sqlite3.Connection, user: int, days: Days) -> DroppedItem:
    fields = days.fields(user)
    [(actions,)], [(intents,)] = connection.execute(_OTHER_ACTIONS, fields), connection.execute(_OTHER_INTENTS, fields)
    return DroppedItem(actions=actions, intents=intents, entities=dropped_entities(connection, user, days))


def _malformed(connection: sqlite3.Connection) -> int:
    return sum(count for (count,) in connection.execute("SELECT count FROM malformed"))


def rates(sums: Sums) -> dict[str, Any]:
    """Return ``count``, ``avg_ms`` and ``success_rate`` of ``sums``, which count at least one line."""
    count, failures, took, *_ = sums
    return {"count": count, "avg_ms": took / count / 1_000, "success_rate": 1 - failures / count}
