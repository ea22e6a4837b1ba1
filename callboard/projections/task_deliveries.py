"""The table ``task_deliveries`` of the projection ``tasks``: one row per target of a task's result."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from msgspec import json

from callboard.events.task_events import Archived, Delivered, DeliveryFailed, Retried, Submitted, TaskEvent
from callboard.projections.batch import Batch
from callboard.projections.times import micros
from callboard.projections.upsert import Patch, Upsert

SCHEMA: Final = """
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

_RESET: Final = """
UPDATE task_deliveries SET status = 'pending', attempts = 0, at = NULL, receipt = NULL, error = NULL
WHERE task_id IN (SELECT value FROM json_each(?))
"""
_DELETE: Final = "DELETE FROM task_deliveries WHERE task_id IN (SELECT value FROM json_each(?))"
_PENDING: Final[Patch] = {"status": "pending", "attempts": 0, "at": None, "receipt": None, "error": None}
_deliveries: Final = Upsert(table="task_deliveries", keys=("task_id", "position"))


class _Changes(NamedTuple):
    """What a batch does to the rows: first to those of the tasks in ``reset`` and ``gone``, then the patches."""

    reset: set[str]
    gone: set[str]
    patches: defaultdict[str, dict[int, Patch]]


def apply(connection: sqlite3.Connection, batch: Batch) -> None:
    """Bring the rows of every task in ``batch`` up to its last event."""
    changes = _Changes(set(), set(), defaultdict(dict))
    for task_id, entries in batch.tasks.items():
        for entry in entries:
            if (change := _CHANGES.get(type(entry.event))) is not None:
                change(changes, task_id, entry.event)
    for sql, task_ids in ((_RESET, changes.reset), (_DELETE, changes.gone)):
        if task_ids:
            connection.execute(sql, (json.encode(sorted(task_ids)).decode(),))
    _deliveries.write(connection, [patch for patches in changes.patches.values() for patch in patches.values()])


def _submitted(changes: _Changes, task_id: str, event: Submitted) -> None:
    for number, spec in enumerate(event.delivery):
        channel = spec.get("channel")
        changes.patches[task_id][number] = {"task_id": task_id, "position": number, **_PENDING, "channel": channel}


def _delivered(changes: _Changes, task_id: str, event: Delivered) -> None:
    receipt = None if event.receipt is None else json.encode(event.receipt)
    _attempted(changes, task_id, event, {"status": "delivered", "receipt": receipt, "error": None})


def _delivery_failed(changes: _Changes, task_id: str, event: DeliveryFailed) -> None:
    status = "failed" if event.final else "pending"
    _attempted(changes, task_id, event, {"status": status, "receipt": None, "error": json.encode(event.error)})


def _attempted(changes: _Changes, task_id: str, event: Delivered | DeliveryFailed, outcome: Patch) -> None:
    changes.patches[task_id][event.index] = {
        "task_id": task_id,
        "position": event.index,
        "channel": event.channel,
        "attempts": event.attempt,
        "at": micros(event.at),
        **outcome,
    }


def _retried(changes: _Changes, task_id: str, _event: Retried) -> None:
    changes.reset.add(task_id)
    for patch in changes.patches[task_id].values():
        patch.update(_PENDING)


def _archived(changes: _Changes, task_id: str, _event: Archived) -> None:
    changes.gone.add(task_id)
    changes.patches[task_id].clear()


_CHANGES: Final[dict[type[TaskEvent], Callable[[_Changes, str, Any], None]]] = {
    Submitted: _submitted,
    Delivered: _delivered,
    DeliveryFailed: _delivery_failed,
    Retried: _retried,
    Archived: _archived,
}
