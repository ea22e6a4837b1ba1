"""The projection ``agent_log``: one row per attempt of an agent at a task.

A row appears when its attempt stands in the agent's queue, and gets its ``seq`` when the attempt starts: rows without
one are not part of the log yet. A task has one open attempt at most, so an event that ends "the attempt" needs no
number to find it. Attempts are counted from 1 in each life of a task; which one an attempt that starts belongs to, the
newest row of its task says.
"""

import sqlite3
from typing import Final, NamedTuple

from msgspec import json

from callboard.events.task_events import (
    Assigned,
    AttemptFailed,
    Cancelled,
    Completed,
    Started,
    TaskError,
    TaskEvent,
)
from callboard.projections.batch import Batch, Entry
from callboard.projections.projection import Projection
from callboard.projections.times import micros
from callboard.projections.upsert import Patch, Upsert, write_rows

SCHEMA: Final = """
CREATE TABLE agent_log (
    n INTEGER PRIMARY KEY,
    task_id TEXT NOT NULL,
    life INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    agent TEXT,
    seq INTEGER,
    worker TEXT,
    started_at INTEGER,
    ended_at INTEGER,
    outcome TEXT,
    error BLOB
);
CREATE UNIQUE INDEX agent_log_by_task ON agent_log (task_id, life, attempt);
CREATE INDEX agent_log_by_seq ON agent_log (seq) WHERE seq IS NOT NULL;
CREATE INDEX agent_log_by_agent ON agent_log (agent, seq) WHERE seq IS NOT NULL;
CREATE INDEX agent_log_failures ON agent_log (agent, seq) WHERE outcome = 'failed';
"""

_ENDING: Final = """
UPDATE agent_log SET ended_at = ended.column2, outcome = ended.column3, error = ended.column4
FROM (VALUES ?) AS ended
WHERE task_id = ended.column1 AND seq IS NOT NULL AND ended_at IS NULL
"""
_LIVES: Final = """
SELECT value, (SELECT max(life) FROM agent_log WHERE task_id = value) AS life FROM json_each(?) WHERE life > 1
"""
_OPEN: Final[Patch] = {"ended_at": None, "outcome": None, "error": None}
_TOLD: Final = frozenset((Assigned, Started, Completed, Cancelled, AttemptFailed))
_attempts: Final = Upsert(table="agent_log", keys=("task_id", "life", "attempt"), once=("n",))


class _End(NamedTuple):
    task_id: str
    ended_at: int
    outcome: str
    error: bytes | None


def apply(connection: sqlite3.Connection, batch: Batch) -> None:
    """Write the attempts that ``batch`` opens or ends."""
    ends: list[_End] = []
    patches: list[Patch] = []
    lives = _lives(connection, batch)
    for task_id, entries in batch.tasks.items():
        end = _fold(task_id, entries, lives.get(task_id, 1), patches)
        if end is not None:
            ends.append(end)
    # Attempts from earlier batches end first: those that this batch opens must not be taken for them.
    write_rows(connection, _ENDING, ends)
    _attempts.write(connection, patches)


def _lives(connection: sqlite3.Connection, batch: Batch) -> dict[str, int]:
    """Return the life before ``batch`` of each task with an attempt that starts in it, unless that is the first."""
    starts = [task_id for task_id, entries in batch.tasks.items() for entry in entries if type(entry.event) is Started]
    return dict(connection.execute(_LIVES, (json.encode(starts).decode(),)).fetchall()) if starts else {}


def _fold(task_id: str, entries: list[Entry], life: int, patches: list[Patch]) -> _End | None:
    """Add a task's attempts of this batch to ``patches``; return how an attempt of an earlier batch ended."""
    attempts: dict[tuple[int, int], Patch] = {}
    running: list[Patch] = []
    earlier: _End | None = None
    for entry in entries:
        seq, event = entry.seq, entry.event
        if type(event) not in _TOLD:
            continue
        if isinstance(event, Assigned):
            life = max(life, event.life)
            _attempt(attempts, task_id, (event.life, event.attempt), seq)["agent"] = event.agent
        elif isinstance(event, Started):
            row = _attempt(attempts, task_id, (life, event.attempt), seq)
            row.update(seq=seq, worker=event.worker, started_at=micros(event.at), **_OPEN)
            running.append(row)
        elif (end := _end(task_id, event)) is not None:
            for row in running:
                row.update(ended_at=end.ended_at, outcome=end.outcome, error=end.error)
            running.clear()
            earlier = earlier or end
    patches.extend(attempts.values())
    return earlier


def _attempt(attempts: dict[tuple[int, int], Patch], task_id: str, number: tuple[int, int], seq: int) -> Patch:
    row = attempts.get(number)
    if row is None:
        life, attempt = number
        row = attempts[number] = {"n": seq, "task_id": task_id, "life": life, "attempt": attempt}
    return row


def _end(task_id: str, event: TaskEvent) -> _End | None:
    if isinstance(event, Completed):
        return _End(task_id, micros(event.at), "completed", None)
    if isinstance(event, Cancelled):
        return _End(task_id, micros(event.at), "cancelled", None)
    if isinstance(event, AttemptFailed):
        outcome = "released" if event.released else "failed"
        # Without the traceback: lists of attempts go into one message.
        error = json.encode(TaskError(event.error.type, event.error.message))
        return _End(task_id, micros(event.at), outcome, error)
    return None


AGENT_LOG: Final = Projection(name="agent_log", version=2, tables=("agent_log",), schema=SCHEMA, apply=apply)
