"""Tallies of the tasks that have ended, by the minute they were submitted in.

They are a digest of the rows of ``tasks``: what a batch changes in those, it changes here. A task that is given a new
life, or is archived, is taken out again.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct, json

from callboard.events.task_events import Cancelled, Completed, Expired, Failed
from callboard.projections.batch import Batch
from callboard.projections.sketch import LONGEST
from callboard.projections.tallies import COMPLETED, Tallies, minute_of, schema

TABLE: Final = "cohorts"
SCHEMA: Final = schema(TABLE)
RAN: Final = "ran"
"""Beside ``completed``, whose time is the task's: the time of its last attempt. Only in the span of everything."""

OPEN: Final = "('blocked', 'scheduled', 'assigned', 'running', 'paused')"
"""The states of a task that has not ended, as SQL."""

ENDINGS: Final = frozenset((Completed, Failed, Cancelled, Expired))

# One row for all: each row of an answer would let another thread run before the next.
_STANDING: Final = f"""
SELECT json_group_array(json_array(
    id, ifnull(agent, ''), ifnull(kind, ''), status, submitted_at, completion,
    CAST(round(min(max(duration_ms, 0) * 1000, {LONGEST})) AS INTEGER), status NOT IN {OPEN}
))
FROM tasks WHERE id IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - our own words


class Standing(Struct, frozen=True, array_like=True, gc=False):
    """A task as its row has it; times are microseconds."""

    id: str
    agent: str
    kind: str
    status: str
    submitted_at: int | None
    completion: int | None
    ran: int | None
    ended: int


_decoder: Final = json.Decoder(list[Standing])


def standing(connection: sqlite3.Connection, task_ids: Iterable[str]) -> dict[str, Standing]:
    """Return each of the tasks that has a row."""
    wanted = list(task_ids)
    if not wanted:
        return {}
    found = connection.execute(_STANDING, (json.encode(wanted).decode(),)).fetchone()[0]
    return {each.id: each for each in _decoder.decode(found)}


def write(connection: sqlite3.Connection, batch: Batch, earlier: dict[str, Standing]) -> None:
    """Take out what stood ``earlier`` and add what stands now, after ``batch`` was written."""
    ended = {task_id: one for task_id, one in earlier.items() if one.ended}
    # No other task can have ended: those that are under way need no second look.
    now = standing(connection, ended.keys() | _ending(batch))
    tallies = Tallies()
    for task_id, one in ended.items():
        if one != now.get(task_id):
            _count(tallies, one, -1)
    for task_id, one in now.items():
        if one.ended and one != ended.get(task_id):
            _count(tallies, one, 1)
    tallies.write(connection, TABLE)


def _ending(batch: Batch) -> set[str]:
    return {task_id for task_id, entries in batch.tasks.items() for entry in entries if type(entry.event) in ENDINGS}


def _count(tallies: Tallies, one: Standing, n: int) -> None:
    took = one.completion if one.status == COMPLETED else None
    tallies.add(minute_of(one.submitted_at), one.agent, one.kind, one.status, took, n)
    if one.ran is not None:
        tallies.add(None, one.agent, one.kind, RAN, one.ran, n)


def matching(agent: str | None, kind: str | None) -> dict[str, Any]:
    """Return the columns that pick the tasks of one agent or kind."""
    return {"agent": agent, "kind": kind}
