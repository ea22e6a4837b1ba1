"""Tallies of errors by their type, each with the last one of it."""

import sqlite3
from typing import Any, Final, NamedTuple

from callboard.events.task_events import TaskError
from callboard.projections.tallies import minute_of, places
from callboard.projections.upsert import write_rows

TABLE: Final = "error_tallies"
MAX_TYPE: Final = 200
MAX_MESSAGE: Final = 500
"""Characters that are kept; the log has all of them."""

SCHEMA: Final = """
CREATE TABLE error_tallies (
    span INTEGER NOT NULL,
    at INTEGER NOT NULL,
    agent TEXT NOT NULL,
    kind TEXT NOT NULL,
    type TEXT NOT NULL,
    n INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (span, at, agent, kind, type)
) WITHOUT ROWID;
"""
_ADD: Final = """
INSERT INTO error_tallies (span, at, agent, kind, type, n, last_seq, last_at, task_id, message)
SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL
ON CONFLICT (span, at, agent, kind, type) DO UPDATE SET n = n + excluded.n, last_seq = excluded.last_seq,
    last_at = excluded.last_at, task_id = excluded.task_id, message = excluded.message
"""


class _Last(NamedTuple):
    """How many there were, and the last of them."""

    n: int
    seq: int
    at: int
    task_id: str
    message: str


class ErrorTallies:
    """The errors of a batch."""

    def __init__(self) -> None:
        self._found: dict[tuple[Any, ...], _Last] = {}

    def add(self, seq: int, task_id: str, at: int, agent: str, kind: str, error: TaskError) -> None:
        """Count the error that the event ``seq`` told of, at ``at`` microseconds since 1970."""
        for place in places(minute_of(at)):
            key = (*place, agent, kind, error.type[:MAX_TYPE])
            had = self._found.get(key)
            # The tasks of a batch come one after the other, not in the order of the log.
            if had is None or had.seq < seq:
                had = _Last(0 if had is None else had.n, seq, at, task_id, error.message[:MAX_MESSAGE])
            self._found[key] = had._replace(n=had.n + 1)

    def write(self, connection: sqlite3.Connection) -> None:
        """Bring the rows up to what was added."""
        write_rows(connection, _ADD, [(*key, *last) for key, last in self._found.items()])
