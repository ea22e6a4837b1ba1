"""Tallies: tables of how often something was so, by minute, hour, day and so on, agent and kind.

A row says that in one span of time (``span`` minutes, the ``at``-th since 1970) ``n`` tasks of one ``agent`` and
``kind`` (empty for none) were ``what``. Times are a sketch: ``bucket`` is theirs, ``total`` the sum in microseconds; a
bucket of -1 has no times. Rows are added to and taken from, and go when nothing is left, so that they depend on what
was added and not on the order.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from callboard.projections.sketch import LONGEST, bucket_of
from callboard.projections.spans import EVER, MINUTE, SPANS, Stretch
from callboard.projections.upsert import write_rows

UNTIMED: Final = -1
COMPLETED: Final = "completed"

_SCHEMA: Final = """
CREATE TABLE {table} (
    span INTEGER NOT NULL,
    at INTEGER NOT NULL,
    agent TEXT NOT NULL,
    kind TEXT NOT NULL,
    what TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (span, at, agent, kind, what, bucket)
) WITHOUT ROWID;
"""
_ADD: Final = """
INSERT INTO {table} (span, at, agent, kind, what, bucket, n, total)
SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL
ON CONFLICT (span, at, agent, kind, what, bucket) DO UPDATE SET n = n + excluded.n, total = total + excluded.total
"""
_CLEAR: Final = """
DELETE FROM {table} WHERE n = 0 AND (span, at, agent, kind, what, bucket) IN (VALUES ?)
"""

_EVER: Final = [(EVER, 0)]
_Fine = tuple[int | None, str, str, str, int]
_Key = tuple[int, int, str, str, str, int]


class Tallies:
    """What a batch adds to a table of tallies."""

    def __init__(self) -> None:
        self._changes: dict[_Fine, tuple[int, int]] = {}

    def add(self, minute: int | None, agent: str, kind: str, what: str, micros: int | None = None, n: int = 1) -> None:
        """Count ``n`` more, or fewer, in that minute; without one, only in the span of everything.

        ``micros`` is how long it took.
        """
        took = None if micros is None else min(max(0, micros), LONGEST)
        key = (minute, agent, kind, what, UNTIMED if took is None else bucket_of(took))
        count, total = self._changes.get(key, (0, 0))
        self._changes[key] = (count + n, total + n * (took or 0))

    def minutes(self) -> set[int]:
        """Return the minutes that something was added to."""
        return {minute for minute, *_ in self._changes if minute is not None}

    def write(self, connection: sqlite3.Connection, table: str) -> None:
        """Bring the rows of ``table`` up to what was added."""
        rows = [(*key, *change) for key, change in self._spread().items() if change != (0, 0)]
        write_rows(connection, _ADD.format(table=table), rows)
        write_rows(connection, _CLEAR.format(table=table), [row[:6] for row in rows if row[6] < 0])

    def _spread(self) -> dict[_Key, tuple[int, int]]:
        """Return the changes of every span."""
        spread: dict[_Key, tuple[int, int]] = {}
        for (minute, agent, kind, what, bucket), (n, total) in self._changes.items():
            for span, at in places(minute):
                key = (span, at, agent, kind, what, bucket)
                had, sum_ = spread.get(key, (0, 0))
                spread[key] = (had + n, sum_ + total)
        return spread


def schema(table: str) -> str:
    """Return the SQL that creates ``table``."""
    return _SCHEMA.format(table=table)


def places(minute: int | None) -> list[tuple[int, int]]:
    """Return span and place of every row that counts what was in ``minute``."""
    return _EVER if minute is None else [*((span, minute // span) for span in SPANS), *_EVER]


def minute_of(micros: int | None) -> int | None:
    """Return the minute of a moment, None for None."""
    return None if micros is None else micros // MINUTE


def tallied(
    connection: sqlite3.Connection,
    table: str,
    them: Iterable[Stretch],
    matches: dict[str, str | None],
    columns: str = "''",
) -> list[tuple[Any, ...]]:
    """Return ``columns`` (SQL), ``what``, ``bucket``, and the sums of ``n`` and ``total`` over the rows in ``them``.

    ``matches`` are columns and what they must be, None for anything.
    """
    wanted = {column: value for column, value in matches.items() if value is not None}
    conditions = "".join(f" AND {column} = ?" for column in wanted)
    values: list[Any] = []
    parts = []
    for stretch in them:
        parts.append(f"SELECT * FROM {table} WHERE span = ? AND at >= ? AND at < ?{conditions}")  # noqa: S608 - our own words
        values += [*stretch, *wanted.values()]
    if not parts:
        return []
    sql = f"SELECT {columns}, what, bucket, sum(n), sum(total) FROM ({' UNION ALL '.join(parts)})"  # noqa: S608 - our own words
    groups = columns.count(",") + 3
    return connection.execute(f"{sql} GROUP BY {', '.join(map(str, range(1, groups + 1)))}", values).fetchall()
