"""The projection ``tasks``: one row per task that is not archived, and one per delivery it asked for.

What happened in a task's earlier lives is no part of its row. A row's ``n`` is the sequence of the task's first event,
so newest first is the primary key backwards. ``status`` is the one that ``events.task.fold`` gives. JSON that came in
(input, output) is kept as its very bytes.
"""

import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from msgspec import json

from callboard.events.errors import InvalidValueError
from callboard.events.submission import band
from callboard.events.task_admission import REQUESTED
from callboard.events.task_events import (
    Archived,
    Assigned,
    AttemptFailed,
    Blocked,
    Cancelled,
    Completed,
    Expired,
    Failed,
    Retried,
    Routed,
    Scheduled,
    Started,
    Submitted,
    TaskEvent,
    Unblocked,
    UnknownEvent,
)
from callboard.projections import task_deliveries
from callboard.projections.batch import Batch, Entry
from callboard.projections.projection import Projection
from callboard.projections.times import micros
from callboard.projections.upsert import Patch, Upsert, add, put, write_rows

SCHEMA: Final = """
CREATE TABLE tasks (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'scheduled',
    agent TEXT,
    kind TEXT,
    priority TEXT NOT NULL DEFAULT 'normal',
    input BLOB,
    output BLOB,
    error BLOB,
    retries INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    released INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER,
    user_id TEXT,
    session_id TEXT,
    tenant_id TEXT,
    parent_id TEXT,
    depends_on BLOB,
    route BLOB,
    metadata BLOB,
    submitted_at INTEGER,
    scheduled_for INTEGER,
    expires_at INTEGER,
    due INTEGER,
    ready_at INTEGER,
    started_at INTEGER,
    finished_at INTEGER,
    completed_at INTEGER,
    duration_ms REAL,
    completion INTEGER,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL
);
CREATE UNIQUE INDEX tasks_by_id ON tasks (id);
CREATE INDEX tasks_by_status ON tasks (status);
CREATE INDEX tasks_by_agent ON tasks (agent);
CREATE INDEX tasks_by_kind ON tasks (kind) WHERE kind IS NOT NULL;
CREATE INDEX tasks_by_user ON tasks (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX tasks_by_session ON tasks (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX tasks_by_tenant ON tasks (tenant_id) WHERE tenant_id IS NOT NULL;
CREATE INDEX tasks_by_parent ON tasks (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX tasks_in_time ON tasks (submitted_at, status, agent, completion);
CREATE INDEX tasks_by_completion ON tasks (completion) WHERE completion IS NOT NULL;
CREATE INDEX tasks_by_duration ON tasks (agent, duration_ms) WHERE duration_ms IS NOT NULL;
"""
"""``ready_at`` is when nothing but callboard stood in the way any more: the submission, its ``scheduled_for``, the
end of what blocked it, or its retry. ``completion`` is the time from then until it completed, in microseconds. ``due``
counts while the task is scheduled."""

_DELETE: Final = "DELETE FROM tasks WHERE id IN (SELECT value FROM json_each(?))"
_TOUCH: Final = """
UPDATE tasks SET version = touched.column2, seq = touched.column3 FROM (VALUES ?) AS touched WHERE id = touched.column1
"""
_tasks: Final = Upsert(
    table="tasks",
    keys=("id",),
    once=("n",),
    derived=(("completion", "completed_at", "max(0, excluded.completed_at - tasks.ready_at)"),),
)


class _Touch(NamedTuple):
    """A row, if there is one, whose task had nothing but events that this version does not know."""

    id: str
    version: int
    seq: int


class _Changes(NamedTuple):
    """What a batch does to the rows: those of ``gone`` are deleted first."""

    gone: list[str]
    patches: list[Patch]
    touches: list[_Touch]


def apply(connection: sqlite3.Connection, batch: Batch) -> None:
    """Bring the rows of every task in ``batch`` up to its last event."""
    changes = _Changes([], [], [])
    for task_id, entries in batch.tasks.items():
        patch = _patch(task_id, entries)
        if _RARE in patch:
            _rarely(changes, task_id, entries)
        else:
            changes.patches.append(patch)
    if changes.gone:
        connection.execute(_DELETE, (json.encode(changes.gone).decode(),))
    _tasks.write(connection, changes.patches)
    write_rows(connection, _TOUCH, changes.touches)
    task_deliveries.apply(connection, batch)


def _rarely(changes: _Changes, task_id: str, entries: list[Entry]) -> None:
    """Take in a task that was archived, or has events of a newer callboard: these alone make no row."""
    kinds = [type(entry.event) for entry in entries]
    if Archived in kinds:
        changes.gone.append(task_id)
        entries = entries[len(kinds) - kinds[::-1].index(Archived) :]
    known = [entry for entry in entries if type(entry.event) is not UnknownEvent]
    if not entries:
        return
    last = entries[-1]
    if known:
        changes.patches.append(_patch(task_id, known) | {"version": last.version, "seq": last.seq})
    else:
        changes.touches.append(_Touch(task_id, last.version, last.seq))


def _patch(task_id: str, entries: list[Entry]) -> Patch:
    last = entries[-1]
    patch: Patch = {"n": entries[0].seq, "id": task_id, "version": last.version, "seq": last.seq}
    for entry in entries:
        if (change := _CHANGES.get(type(entry.event))) is not None:
            change(patch, entry.event)
    return patch


_RARE: Final = "rare"
"""No column: what a patch holds whose entries need another look."""


def _rare(patch: Patch, _event: Archived | UnknownEvent) -> None:
    patch[_RARE] = True


def _submitted(patch: Patch, event: Submitted) -> None:
    at = micros(event.at)
    due = None if event.scheduled_for is None else micros(event.scheduled_for)
    patch["status"] = "scheduled"
    patch["kind"] = event.kind
    with contextlib.suppress(InvalidValueError):  # a priority of a newer callboard: ``assigned`` brings the band
        patch["priority"] = band(event.priority)
    patch["input"] = event.input
    patch["max_attempts"] = event.max_attempts
    patch["user_id"] = event.user_id
    patch["session_id"] = event.session_id
    patch["tenant_id"] = event.tenant_id
    patch["parent_id"] = event.parent_id
    patch["depends_on"] = json.encode(event.depends_on) if event.depends_on else None
    patch["metadata"] = json.encode(event.metadata) if event.metadata else None
    patch["submitted_at"] = at
    patch["scheduled_for"] = due
    patch["expires_at"] = None if event.expires_at is None else micros(event.expires_at)
    patch["ready_at"] = at if due is None else max(at, due)


def _routed(patch: Patch, event: Routed) -> None:
    patch["agent"] = event.agent
    patch["route"] = json.encode(
        {
            "agent": event.agent,
            "intent": event.intent,
            "confidence": event.confidence,
            "method": event.method,
            "entities": event.entities,
            "reason": event.reason,
        }
    )


def _blocked(patch: Patch, _event: Blocked) -> None:
    patch["status"] = "blocked"


def _unblocked(patch: Patch, event: Unblocked) -> None:
    patch["status"] = "scheduled"
    patch["due"] = None
    patch["ready_at"] = micros(event.at)


def _scheduled(patch: Patch, event: Scheduled) -> None:
    patch["status"] = "scheduled"
    patch["due"] = due = micros(event.due)
    if event.why == REQUESTED:
        patch["ready_at"] = due


def _assigned(patch: Patch, event: Assigned) -> None:
    patch["status"] = "assigned"
    if event.life > 1:
        put(patch, "retries", event.life - 1)
    patch["agent"] = event.agent
    patch["priority"] = event.priority
    patch["max_attempts"] = event.max_attempts


def _started(patch: Patch, event: Started) -> None:
    patch["status"] = "running"
    patch["attempt"] = event.attempt
    patch["started_at"] = micros(event.at)


def _attempt_failed(patch: Patch, event: AttemptFailed) -> None:
    patch["status"] = "scheduled"
    patch["due"] = None
    if event.released:
        add(patch, "released", 1)


def _completed(patch: Patch, event: Completed) -> None:
    patch["status"] = "completed"
    patch["output"] = event.output
    patch["duration_ms"] = event.duration_ms
    patch["finished_at"] = patch["completed_at"] = at = micros(event.at)
    if "ready_at" in patch:
        patch["completion"] = max(0, at - patch["ready_at"])


def _failed(patch: Patch, event: Failed) -> None:
    patch["status"] = "failed"
    patch["error"] = json.encode(event.error)
    patch["finished_at"] = micros(event.at)


def _cancelled(patch: Patch, event: Cancelled) -> None:
    patch["status"] = "cancelled"
    patch["finished_at"] = micros(event.at)


def _expired(patch: Patch, event: Expired) -> None:
    patch["status"] = "expired"
    patch["finished_at"] = micros(event.at)


def _retried(patch: Patch, event: Retried) -> None:
    patch.update(_NEW_LIFE)
    patch["ready_at"] = micros(event.at)
    put(patch, "released", 0)
    add(patch, "retries", 1)


_NEW_LIFE: Final[Patch] = {
    "status": "scheduled",
    "attempt": 0,
    "due": None,
    "output": None,
    "error": None,
    "started_at": None,
    "finished_at": None,
    "completed_at": None,
    "duration_ms": None,
    "completion": None,
}
_CHANGES: Final[dict[type[TaskEvent], Callable[[Patch, Any], None]]] = {
    Submitted: _submitted,
    Routed: _routed,
    Blocked: _blocked,
    Unblocked: _unblocked,
    Scheduled: _scheduled,
    Assigned: _assigned,
    Started: _started,
    AttemptFailed: _attempt_failed,
    Completed: _completed,
    Failed: _failed,
    Cancelled: _cancelled,
    Expired: _expired,
    Retried: _retried,
    Archived: _rare,
    UnknownEvent: _rare,
}

TASKS: Final = Projection(
    name="tasks",
    version=2,
    tables=("tasks", "task_deliveries"),
    schema=f"{SCHEMA}{task_deliveries.SCHEMA}",
    apply=apply,
)
