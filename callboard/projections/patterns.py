"""The projection ``patterns``: what users ask for, how often, when and how well it goes, counted from a request log.

Everything is a count per day, so that the rows stay few and the lines themselves need not be kept. User 0 is everybody.
Beside each day there are periods of :data:`PERIOD` days, so that a long stretch is few rows, too. All sums are whole
numbers: they come out the same in any order.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

from callboard.projections import pattern_actions, pattern_entities
from callboard.projections.batch import Batch
from callboard.projections.pattern_entities import Said
from callboard.projections.pattern_names import MAX_NAMES, Names
from callboard.projections.patterns_rest import REST
from callboard.projections.projection import Projection
from callboard.projections.request_entry import RequestEntry
from callboard.projections.upsert import write_rows

PERIOD: Final = 16
"""Days in a period; the first one begins on 1970-01-01."""

EVERYBODY: Final = 0
ALWAYS: Final = 0
DAY: Final = 1
"""Days that a row counts: 1 or ``PERIOD``, or all there ever were."""

_SUMS: Final = """
    count INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    took INTEGER NOT NULL,
    longest INTEGER NOT NULL,"""
SCHEMA: Final = f"""
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
{pattern_actions.SCHEMA}
CREATE TABLE intents (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE totals (
    span INTEGER NOT NULL,
    user INTEGER NOT NULL,
    day INTEGER NOT NULL,{_SUMS}
    PRIMARY KEY (span, user, day)
) WITHOUT ROWID;
CREATE TABLE activity (
    user INTEGER NOT NULL,
    span INTEGER NOT NULL,
    day INTEGER NOT NULL,
    action INTEGER NOT NULL,{_SUMS}
    PRIMARY KEY (user, span, day, action)
) WITHOUT ROWID;
CREATE TABLE hours (
    user INTEGER NOT NULL,
    day INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    first INTEGER NOT NULL,
    second INTEGER NOT NULL,
    third INTEGER NOT NULL,
    fourth INTEGER NOT NULL,
    PRIMARY KEY (user, day, hour)
) WITHOUT ROWID;
CREATE TABLE intent_days (
    user INTEGER NOT NULL,
    day INTEGER NOT NULL,
    intent INTEGER NOT NULL,{_SUMS}
    PRIMARY KEY (user, day, intent)
) WITHOUT ROWID;
{pattern_entities.SCHEMA}
CREATE TABLE malformed (id INTEGER PRIMARY KEY, count INTEGER NOT NULL);
"""

_SUMMED: Final = """
    count = count + excluded.count, failures = failures + excluded.failures, took = took + excluded.took,
    longest = max(longest, excluded.longest)"""
_TOTALS: Final = f"""
INSERT INTO totals (span, user, day, count, failures, took, longest) SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL
ON CONFLICT (span, user, day) DO UPDATE SET {_SUMMED}
"""  # noqa: S608 - our own names
_ACTIVITY: Final = f"""
INSERT INTO activity (user, span, day, action, count, failures, took, longest) SELECT * FROM (VALUES ?)
WHERE column1 IS NOT NULL ON CONFLICT (user, span, day, action) DO UPDATE SET {_SUMMED}
"""  # noqa: S608 - our own names
_INTENTS: Final = f"""
INSERT INTO intent_days (user, day, intent, count, failures, took, longest) SELECT * FROM (VALUES ?)
WHERE column1 IS NOT NULL ON CONFLICT (user, day, intent) DO UPDATE SET {_SUMMED}
"""  # noqa: S608 - our own names
_HOURS: Final = """
INSERT INTO hours (user, day, hour, first, second, third, fourth) SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL
ON CONFLICT (user, day, hour) DO UPDATE SET first = first + excluded.first, second = second + excluded.second,
    third = third + excluded.third, fourth = fourth + excluded.fourth
"""
_MALFORMED: Final = """
INSERT INTO malformed (id, count) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET count = count + excluded.count
"""

_users: Final = Names("users")
_intents: Final = Names("intents", MAX_NAMES)

Sums = tuple[int, int, int, int]
"""Lines, failures among them, microseconds that all took, and that the longest took."""

Cells = dict[tuple[int, ...], Sums]


def apply(connection: sqlite3.Connection, batch: Batch) -> None:
    """Count the lines of the request log in ``batch``."""
    lines = [entry for entry in batch.requests if entry is not None]
    if len(lines) < len(batch.requests):
        connection.execute(_MALFORMED, (len(batch.requests) - len(lines),))
    if not lines:
        return
    users = _numbers(connection, lines)
    _count_actions(connection, lines, users)
    _count_hours(connection, lines, users)
    meant = [(line, line.intent) for line in lines if line.intent is not None]
    if meant:
        intents = _intents.ids(connection, (intent for _, intent in meant))
        marked = [(users[line.user], intents[intent], line) for line, intent in meant]
        cells = summed(((user, line.day, intent), _sums(line)) for user, intent, line in marked)
        _write(connection, _INTENTS, cells | _folded(cells, lambda key: (EVERYBODY, *key[1:])))
        pattern_entities.count(
            connection,
            (
                Said(user, intent, line.day - line.day % PERIOD, line.entities, line.more)
                for user, intent, line in marked
            ),
        )


def _numbers(connection: sqlite3.Connection, lines: list[RequestEntry]) -> dict[str | None, int]:
    """Return the number of each user in ``lines``; what nobody in particular did is counted for everybody alone."""
    numbers: dict[str | None, int] = {None: EVERYBODY}
    numbers.update(_users.ids(connection, (line.user for line in lines if line.user is not None)).items())
    return numbers


def _count_actions(connection: sqlite3.Connection, lines: list[RequestEntry], users: dict[str | None, int]) -> None:
    actions = pattern_actions.numbers(connection, lines)
    days = summed(
        ((users[line.user], DAY, line.day, action), _sums(line)) for line, action in zip(lines, actions, strict=True)
    )
    days |= _folded(days, lambda key: (EVERYBODY, *key[1:]))
    cells = days | _folded(days, lambda key: (key[0], PERIOD, key[2] - key[2] % PERIOD, key[3]))
    _write(connection, _ACTIVITY, cells)
    totals = _folded(cells, lambda key: (key[1], key[0], key[2]))
    always = summed(((ALWAYS, key[1], 0), sums) for key, sums in totals.items() if key[0] == DAY)
    _write(connection, _TOTALS, totals | always)


def _count_hours(connection: sqlite3.Connection, lines: list[RequestEntry], users: dict[str | None, int]) -> None:
    quarters = Counter((users[line.user], line.day, line.quarter) for line in lines)
    hours: dict[tuple[int, int, int], list[int]] = {}
    for (user, day, quarter), count in quarters.items():
        for whose in {user, EVERYBODY}:
            hours.setdefault((whose, day, quarter // 4), [0, 0, 0, 0])[quarter % 4] += count
    write_rows(connection, _HOURS, [(*key, *counts) for key, counts in sorted(hours.items())])


def _sums(line: RequestEntry) -> Sums:
    return 1, int(line.failed), line.took, line.took


def summed(parts: Iterable[tuple[tuple[int, ...], Sums]]) -> Cells:
    """Return the sums of all ``parts`` with the same key."""
    cells: Cells = {}
    for key, (count, failures, took, longest) in parts:
        found = cells.get(key)
        if found is None:
            cells[key] = (count, failures, took, longest)
        else:
            cells[key] = (
                found[0] + count,
                found[1] + failures,
                found[2] + took,
                max(found[3], longest),
            )
    return cells


def _folded(cells: Cells, key: Callable[[tuple[int, ...]], tuple[int, ...]]) -> Cells:
    return summed((key(old), sums) for old, sums in cells.items())


def _write(connection: sqlite3.Connection, sql: str, cells: Cells) -> None:
    # In the order of the primary key: neighbours share a page.
    rows: list[tuple[Any, ...]] = [(*key, *sums) for key, sums in sorted(cells.items())]
    write_rows(connection, sql, rows)


PATTERNS: Final = Projection(
    name="patterns",
    version=2,
    tables=(
        "users",
        "actions",
        "intents",
        "totals",
        "activity",
        "hours",
        "intent_days",
        "entities",
        "malformed",
    ),
    schema=SCHEMA,
    apply=apply,
    rest=REST,
)
