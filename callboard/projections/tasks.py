"""The projection ``tasks``: one row per task, and one per delivery it asked for.

A row's ``n`` is the sequence of the task's first event, so newest first is the primary key backwards. ``status`` is the
one that ``events.task.fold`` gives. JSON that came in (input, output) is kept as its very bytes.
"""

import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from msgspec import json

from callboard.events.errors import InvalidValueError
from callboard.events.submission import band
from callboard.events.task_events import (
    Assigned,
    AttemptFailed,
    Cancelled,
    Completed,
    Delivered,
    DeliveryFailed,
    Failed,
    Routed,
    Started,
    Submitted,
    TaskEvent,
)
from callboard.projections.batch import Batch, Entry
from callboard.projections.projection import Projection
from callboard.projections.times import micros
from callboard.projections.upsert import Patch, Upsert

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
CREATE INDEX tasks_in_time ON tasks (submitted_at, status, agent, completion);
CREATE INDEX tasks_by_completion ON tasks (completion) WHERE completion IS NOT NULL;
CREATE INDEX tasks_by_duration ON tasks (agent, duration_ms) WHERE duration_ms IS NOT NULL;
CREATE TABLE task_deliveries (
    task_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    channel TEXT,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    at INTEGER,
    receipt BLOB,
    error BLOB,
    PRIMARY KEY (task_id, position)
) WITHOUT ROWID;
"""
"""``ready_at`` is the later of submission and ``scheduled_for``: from there on a task waits for callboard alone.
``completion`` is the time from then until it completed, in microseconds."""

_tasks: Final = Upsert(
    table="tasks",
    keys=("id",),
    once=("n",),
    sums=("released",),
    derived=(("completion", "completed_at", "max(0, excluded.completed_at - tasks.ready_at)"),),
)
_PENDING: Final[Patch] = {"status": "pending", "attempts": 0, "at": None, "receipt": None, "error": None}
_deliveries: Final = Upsert(table="task_deliveries", keys=("task_id", "position"))


def apply(connection: sqlite3.Connection, batch: Batch) -> None:
    """Bring the rows of every task in ``batch`` up to its last event."""
    deliveries: dict[tuple[str, int], Patch] = {}
    _tasks.write(connection, [_patch(task_id, entries) for task_id, entries in batch.tasks.items()])
    for task_id, entries in batch.tasks.items():
        for entry in entries:
            if (find := _DELIVERIES.get(type(entry.event))) is not None:
                find(deliveries, task_id, entry.event)
    _deliveries.write(connection, deliveries.values())


def _patch(task_id: str, entries: list[Entry]) -> Patch:
    last = entries[-1]
    patch: Patch = {"n": entries[0].seq, "id": task_id, "version": last.version, "seq": last.seq}
    for entry in entries:
        if (change := _CHANGES.get(type(entry.event))) is not None:
            change(patch, entry.event)
    return patch


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


def _assigned(patch: Patch, event: Assigned) -> None:
    patch["status"] = "assigned"
    patch["agent"] = event.agent
    patch["priority"] = event.priority
    patch["max_attempts"] = event.max_attempts


def _started(patch: Patch, event: Started) -> None:
    patch["status"] = "running"
    patch["attempt"] = event.attempt
    patch["started_at"] = micros(event.at)


def _attempt_failed(patch: Patch, event: AttemptFailed) -> None:
    patch["status"] = "scheduled"
    if event.released:
        patch["released"] = patch.get("released", 0) + 1


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


def _asked(rows: dict[tuple[str, int], Patch], task_id: str, event: Submitted) -> None:
    for number, spec in enumerate(event.delivery):
        rows[task_id, number] = {"task_id": task_id, "position": number, **_PENDING, "channel": spec.get("channel")}


def _delivered(rows: dict[tuple[str, int], Patch], task_id: str, event: Delivered) -> None:
    receipt = None if event.receipt is None else json.encode(event.receipt)
    _attempted(rows, task_id, event, {"status": "delivered", "receipt": receipt, "error": None})


def _delivery_failed(rows: dict[tuple[str, int], Patch], task_id: str, event: DeliveryFailed) -> None:
    status = "failed" if event.final else "pending"
    _attempted(rows, task_id, event, {"status": status, "receipt": None, "error": json.encode(event.error)})


def _attempted(
    rows: dict[tuple[str, int], Patch], task_id: str, event: Delivered | DeliveryFailed, outcome: Patch
) -> None:
    rows[task_id, event.index] = {
        "task_id": task_id,
        "position": event.index,
        "channel": event.channel,
        "attempts": event.attempt,
        "at": micros(event.at),
        **outcome,
    }


_CHANGES: Final[dict[type[TaskEvent], Callable[[Patch, Any], None]]] = {
    Submitted: _submitted,
    Routed: _routed,
    Assigned: _assigned,
    Started: _started,
    AttemptFailed: _attempt_failed,
    Completed: _completed,
    Failed: _failed,
    Cancelled: _cancelled,
}
_DELIVERIES: Final[dict[type[TaskEvent], Callable[[dict[tuple[str, int], Patch], str, Any], None]]] = {
    Submitted: _asked,
    Delivered: _delivered,
    DeliveryFailed: _delivery_failed,
}

TASKS: Final = Projection(name="tasks", version=1, tables=("tasks", "task_deliveries"), schema=SCHEMA, apply=apply)
