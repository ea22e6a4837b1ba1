"""Tallies of what happened, by the minute it happened in: tasks submitted and ended, and errors by their type.

What happened stays counted when its task is archived or given a new life. A task counts as submitted when it is routed:
from then on it has an agent.
"""

import sqlite3
from typing import Final

from callboard.events.task_events import (
    Archived,
    Assigned,
    AttemptFailed,
    Cancelled,
    Completed,
    Expired,
    Failed,
    Routed,
    Submitted,
    TaskEvent,
)
from callboard.projections import error_tallies, periods
from callboard.projections.batch import Batch, Entry
from callboard.projections.cohorts import Standing
from callboard.projections.error_tallies import ErrorTallies
from callboard.projections.sketch import LONGEST
from callboard.projections.spans import MINUTE
from callboard.projections.tallies import COMPLETED, Tallies, schema
from callboard.projections.times import micros

TABLE: Final = "activity"
SCHEMA: Final = f"{schema(TABLE)}{periods.SCHEMA}{error_tallies.SCHEMA}"
SUBMITTED: Final = "submitted"

_ENDS: Final[dict[type[TaskEvent], str]] = {
    Completed: COMPLETED,
    Failed: "failed",
    Cancelled: "cancelled",
    Expired: "expired",
}


class _Count:
    """Goes through a batch, task by task."""

    def __init__(self) -> None:
        self.tallies = Tallies()
        self.errors = ErrorTallies()

    def task(self, task_id: str, entries: list[Entry], agent: str, kind: str) -> None:
        """Count the events of one task, which had that agent and kind before."""
        for entry in entries:
            event = entry.event
            shape = type(event)
            if shape is Submitted:
                kind = event.kind or ""  # type: ignore[attr-defined]
            elif shape is Archived:
                agent = kind = ""
            elif shape is Routed or shape is Assigned:
                agent = event.agent  # type: ignore[attr-defined]
                if shape is Routed:
                    self.tallies.add(_minute(event), agent, kind, SUBMITTED)
            elif shape in _ENDS or shape is AttemptFailed:
                self._ended(task_id, entry, agent, kind)

    def _ended(self, task_id: str, entry: Entry, agent: str, kind: str) -> None:
        event = entry.event
        if (what := _ENDS.get(type(event))) is not None:
            took = round(min(max(0.0, event.duration_ms) * 1000, LONGEST)) if isinstance(event, Completed) else None
            self.tallies.add(_minute(event), agent, kind, what, took)
        # What failed before any attempt began has an error of its own; otherwise it is that of the last attempt.
        if (isinstance(event, AttemptFailed) and not event.released) or (
            isinstance(event, Failed) and not event.attempts
        ):
            self.errors.add(entry.seq, task_id, micros(event.at), agent, kind, event.error)


def write(connection: sqlite3.Connection, batch: Batch, before: dict[str, Standing]) -> None:
    """Count what happened in ``batch``; ``before`` are the tasks as they stood before it."""
    count = _Count()
    for task_id, entries in batch.tasks.items():
        one = before.get(task_id)
        count.task(task_id, entries, "" if one is None else one.agent, "" if one is None else one.kind)
    count.tallies.write(connection, TABLE)
    periods.write(connection, count.tallies.minutes())
    count.errors.write(connection)


def _minute(event: TaskEvent) -> int:
    return micros(event.at) // MINUTE
