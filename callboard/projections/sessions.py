"""The projection ``sessions``: one row per session, what was said and run in it, and which turns are still to come.

Who writes down a session reads that a turn began after the task is stored: until then the turn stands in a table of its
own, so that it is known how far the sessions are behind the tasks.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from msgspec import json

from callboard.events.session import session_key
from callboard.events.session_events import (
    Closed,
    MessageAdded,
    Opened,
    RunCompleted,
    RunFailed,
    RunInterrupted,
    RunStarted,
    SessionEvent,
    Summarised,
    Titled,
)
from callboard.projections.batch import Batch, SessionEntry, TurnEntry
from callboard.projections.projection import Projection
from callboard.projections.times import micros

SCHEMA: Final = """
CREATE TABLE sessions (
    key TEXT PRIMARY KEY,
    session_id TEXT,
    user_id TEXT,
    tenant_id TEXT,
    title TEXT,
    summary TEXT,
    opened_at INTEGER,
    active_at INTEGER NOT NULL,
    closed_at INTEGER,
    messages INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX sessions_newest ON sessions (seq);
CREATE INDEX sessions_user ON sessions (user_id, seq);
CREATE TABLE session_messages (
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    role TEXT NOT NULL,
    content BLOB NOT NULL,
    task_id TEXT,
    name TEXT,
    arguments BLOB,
    omitted INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (key, version)
) WITHOUT ROWID;
CREATE TABLE session_runs (
    key TEXT NOT NULL,
    task_id TEXT NOT NULL,
    life INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    input_tokens INTEGER,
    output_tokens INTEGER,
    error BLOB,
    reason TEXT,
    PRIMARY KEY (key, task_id, life)
) WITHOUT ROWID;
CREATE INDEX session_runs_under_way ON session_runs (key) WHERE status = 'running';
CREATE TABLE session_turns (
    key TEXT NOT NULL,
    task_id TEXT NOT NULL,
    life INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (key, task_id, life)
) WITHOUT ROWID;
"""

_TOUCH: Final = """
INSERT INTO sessions (key, active_at, version, seq) VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET active_at = excluded.active_at, version = excluded.version, seq = excluded.seq
"""
_OPENED: Final = """
UPDATE sessions SET session_id = ?, user_id = coalesce(user_id, ?), tenant_id = coalesce(tenant_id, ?),
    opened_at = coalesce(opened_at, ?), closed_at = NULL WHERE key = ?
"""
_TITLED: Final = "UPDATE sessions SET title = ? WHERE key = ?"
_SUMMARISED: Final = "UPDATE sessions SET summary = ? WHERE key = ?"
_CLOSED: Final = "UPDATE sessions SET closed_at = ? WHERE key = ?"
_COUNT: Final = "UPDATE sessions SET messages = messages + 1 WHERE key = ?"
_MESSAGE: Final = "INSERT OR REPLACE INTO session_messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_STARTED: Final = """
INSERT OR REPLACE INTO session_runs (key, task_id, life, seq, status, started_at) VALUES (?, ?, ?, ?, 'running', ?)
"""
_TURN: Final = """
INSERT OR IGNORE INTO session_turns SELECT ?1, ?2, ?3, ?4
WHERE NOT EXISTS (SELECT 1 FROM session_runs WHERE key = ?1 AND task_id = ?2 AND life >= ?3)
"""
_TAKEN: Final = "DELETE FROM session_turns WHERE key = ? AND task_id = ? AND life <= ?"
_ENDED: Final = """
UPDATE session_runs SET status = ?, ended_at = ?, input_tokens = ?, output_tokens = ?, error = ?, reason = ?
WHERE key = ? AND task_id = ? AND life = ?
"""

_Statement = tuple[str, tuple[Any, ...]]


def apply(connection: sqlite3.Connection, batch: Batch) -> None:
    """Bring the rows of the sessions in ``batch`` up to date."""
    # A turn comes before its run. Should anybody have stored them otherwise, the rows are the same, however cut.
    connection.executemany(_TURN, map(_turn, batch.turns))
    for entry in batch.sessions:
        for sql, values in _statements(entry):
            connection.execute(sql, values)


def _statements(entry: SessionEntry) -> Iterator[_Statement]:
    event, at = entry.event, micros(entry.event.at)
    key = event.originator_id
    yield _TOUCH, (key, at, entry.version, entry.seq)
    if isinstance(event, Opened):
        yield _OPENED, (event.session_id, event.user_id, event.tenant_id, at, key)
    elif isinstance(event, Titled):
        yield _TITLED, (event.title, key)
    elif isinstance(event, Summarised):
        yield _SUMMARISED, (event.summary, key)
    elif isinstance(event, Closed):
        yield _CLOSED, (at, key)
    elif isinstance(event, MessageAdded):
        yield _COUNT, (key,)
        yield _MESSAGE, _message(entry, event, at)
    elif isinstance(event, RunStarted):
        yield _STARTED, (key, event.task_id, event.life, entry.seq, at)
        yield _TAKEN, (key, event.task_id, event.life)
    else:
        yield from _end(event, at)


def _turn(entry: TurnEntry) -> tuple[Any, ...]:
    turn = entry.turn
    return session_key(turn.session), turn.task, turn.life, entry.seq


def _message(entry: SessionEntry, event: MessageAdded, at: int) -> tuple[Any, ...]:
    arguments = None if event.arguments is None else json.encode(event.arguments)
    head = (event.originator_id, entry.version, entry.seq, event.role, bytes(event.content))
    return (*head, event.task_id, event.name, arguments, event.omitted, at)


def _end(event: SessionEvent, at: int) -> Iterator[_Statement]:
    """Yield what ends a run; nothing for an event of a newer callboard."""
    if isinstance(event, RunCompleted):
        yield _ENDED, ("completed", at, event.input_tokens, event.output_tokens, None, None, *_run(event))
    elif isinstance(event, RunFailed):
        yield _ENDED, ("failed", at, None, None, json.encode(event.error), None, *_run(event))
    elif isinstance(event, RunInterrupted):
        yield _ENDED, ("interrupted", at, None, None, None, event.reason, *_run(event))


def _run(event: RunCompleted | RunFailed | RunInterrupted) -> tuple[str, str, int]:
    return event.originator_id, event.task_id, event.life


SESSIONS: Final = Projection(
    name="sessions",
    version=2,
    tables=("sessions", "session_messages", "session_runs", "session_turns"),
    schema=SCHEMA,
    apply=apply,
)
