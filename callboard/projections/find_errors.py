"""Errors by their type, from their tallies."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from callboard.projections.activity_answers import ErrorItem
from callboard.projections.spans import Stretch
from callboard.projections.times import moment

MAX_ERRORS: Final = 20
"""Types per list."""


def errors(
    connection: sqlite3.Connection, them: Sequence[Stretch], matches: dict[str, str | None], group: str
) -> dict[str, list[ErrorItem]]:
    """Return up to twenty types of errors for each value of ``group`` (SQL), the one that came last first."""
    wanted = {column: value for column, value in matches.items() if value is not None}
    conditions = "".join(f" AND {column} = ?" for column in wanted)
    part = f"SELECT * FROM error_tallies WHERE span = ? AND at >= ? AND at < ?{conditions}"  # noqa: S608 - our own words
    values = [value for stretch in them for value in (*stretch, *wanted.values())]
    found: dict[str, list[ErrorItem]] = {}
    for row in _rows(connection, group, " UNION ALL ".join([part] * len(them)), values):
        some = found.setdefault(row[0], [])
        if len(some) < MAX_ERRORS:
            name, count, _, at, task_id, message = row[1:]
            some.append(ErrorItem(type=name, count=count, message=message, at=moment(at), task_id=task_id))
    return found


def _rows(connection: sqlite3.Connection, group: str, parts: str, values: list[Any]) -> list[tuple[Any, ...]]:
    # With max() the other columns are those of the row that has it: SQLite says so.
    sql = f"""
    SELECT {group} AS "group", type, sum(n), max(last_seq) AS seq, last_at, task_id, message FROM ({parts})
    GROUP BY 1, 2 ORDER BY seq DESC
    """  # noqa: S608 - our own words
    return connection.execute(sql, values).fetchall() if parts else []
