"""What the events of a task change in its row of the table ``tasks``."""

import contextlib
from collections.abc import Callable
from typing import Any, Final

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
from callboard.projections.batch import Entry
from callboard.projections.times import micros
from callboard.projections.upsert import Patch, add, put

RARE: Final = "rare"
"""No column: what a patch holds whose entries need another look."""


def task_patch(task_id: str, entries: list[Entry]) -> Patch:
    """Return what ``entries``, one or more events of a task, change in its row.

    With RARE in it, the patch is of no use: among them are ``archived``, or events that this version does not know.
    """
    last = entries[-1]
    patch: Patch = {"n": entries[0].seq, "id": task_id, "version": last.version, "seq": last.seq}
    for entry in entries:
        if (change := _CHANGES.get(type(entry.event))) is not None:
            change(patch, entry.event)
    return patch


def _rare(patch: Patch, _event: Archived | UnknownEvent) -> None:
    patch[RARE] = True


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
