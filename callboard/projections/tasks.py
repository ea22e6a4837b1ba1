"""The projection ``tasks``: one row per task that is not archived, one per delivery it asked for, and tallies.

What happened in a task's earlier lives is no part of its row. A row's ``n`` is the sequence of the task's first event,
so newest first is the primary key backwards. ``status`` is the one that ``events.task.fold`` gives. JSON that came in
(input, output) is kept as its very bytes.
"""

import sqlite3
from typing import Final, NamedTuple

from msgspec import json

from callboard.events.task_events import Archived, UnknownEvent
from callboard.projections import activity, cohorts, error_tallies, periods, task_deliveries
from callboard.projections.batch import Batch, Entry
from callboard.projections.projection import Projection
from callboard.projections.task_patch import RARE, task_patch
from callboard.projections.upsert import Patch, Upsert, write_rows

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
CREATE INDEX tasks_by_end ON tasks (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX tasks_by_submission ON tasks (submitted_at);
CREATE INDEX tasks_by_completion ON tasks (completion, submitted_at, agent, kind) WHERE completion IS NOT NULL;
CREATE INDEX tasks_open ON tasks (agent, status, kind, submitted_at) WHERE status IN OPEN;
""".replace("OPEN", cohorts.OPEN)
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
    """Bring the rows of every task in ``batch`` up to its last event, and the tallies with them."""
    before = cohorts.standing(connection, batch.tasks)
    _write(connection, batch)
    cohorts.write(connection, batch, before)
    activity.write(connection, batch, before)


def _write(connection: sqlite3.Connection, batch: Batch) -> None:
    changes = _Changes([], [], [])
    for task_id, entries in batch.tasks.items():
        patch = task_patch(task_id, entries)
        if RARE in patch:
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
        changes.patches.append(task_patch(task_id, known) | {"version": last.version, "seq": last.seq})
    else:
        changes.touches.append(_Touch(task_id, last.version, last.seq))


TASKS: Final = Projection(
    name="tasks",
    version=5,
    tables=("tasks", "task_deliveries", cohorts.TABLE, activity.TABLE, periods.TABLE, error_tallies.TABLE),
    schema=f"{SCHEMA}{task_deliveries.SCHEMA}{cohorts.SCHEMA}{activity.SCHEMA}",
    apply=apply,
)
