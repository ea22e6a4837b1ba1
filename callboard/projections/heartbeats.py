"""The projection ``heartbeats``: one row per heartbeat that is set, with what it submitted last."""

import sqlite3
from typing import Any, Final

from msgspec import json

from callboard.events.heartbeat_events import HeartbeatRemoved, HeartbeatSet
from callboard.events.task_events import Submitted
from callboard.projections.batch import Batch, BeatEntry
from callboard.projections.projection import Projection
from callboard.projections.times import micros

SCHEMA: Final = """
CREATE TABLE heartbeats (
    name TEXT PRIMARY KEY,
    agent TEXT NOT NULL,
    input BLOB NOT NULL,
    every_seconds REAL,
    cron TEXT,
    timezone TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    overlap TEXT NOT NULL,
    delivery BLOB NOT NULL,
    set_at INTEGER NOT NULL,
    last_fire INTEGER,
    last_task_id TEXT,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL
) WITHOUT ROWID;
"""

_COLUMNS: Final = (
    "name", "agent", "input", "every_seconds", "cron", "timezone", "enabled", "overlap", "delivery", "set_at",
    "version", "seq",
)  # fmt: skip
_SET: Final = (
    f"INSERT INTO heartbeats ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "  # noqa: S608 - our own names
    f"ON CONFLICT (name) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[1:])}"
)
_REMOVED: Final = "DELETE FROM heartbeats WHERE name = ?"
_OTHER: Final = "UPDATE heartbeats SET version = ?, seq = ? WHERE name = ?"
_FIRED: Final = "UPDATE heartbeats SET last_fire = ?, last_task_id = ? WHERE name = ?"

_Statement = tuple[int, str, tuple[Any, ...]]


def apply(connection: sqlite3.Connection, batch: Batch) -> None:
    """Bring the rows of the heartbeats in ``batch``, and of those that submitted a task in it, up to date."""
    statements = [_statement(entry) for entry in batch.heartbeats]
    for task_id, entries in batch.tasks.items():
        first = entries[0].event
        if isinstance(first, Submitted) and first.heartbeat is not None:
            due = micros(first.scheduled_for or first.at)
            statements.append((entries[0].seq, _FIRED, (due, task_id, first.heartbeat)))
    for _, sql, values in sorted(statements, key=lambda statement: statement[0]):
        connection.execute(sql, values)


def _statement(entry: BeatEntry) -> _Statement:
    event = entry.event
    if isinstance(event, HeartbeatRemoved):
        return entry.seq, _REMOVED, (event.originator_id,)
    if not isinstance(event, HeartbeatSet):
        return entry.seq, _OTHER, (entry.version, entry.seq, event.originator_id)
    row = (
        event.originator_id,
        event.agent,
        event.input,
        event.every_seconds,
        event.cron,
        event.timezone,
        event.enabled,
        event.overlap,
        json.encode(event.delivery),
        micros(event.at),
        entry.version,
        entry.seq,
    )
    return entry.seq, _SET, row


HEARTBEATS: Final = Projection(name="heartbeats", version=1, tables=("heartbeats",), schema=SCHEMA, apply=apply)
