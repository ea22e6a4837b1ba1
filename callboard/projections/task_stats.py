"""Task stats: a query over indexed rows of the projection ``tasks``, exact over every task there is.

Every number comes from an index alone, not from the rows: without conditions from the one in the order needed, with
conditions from ``tasks_in_time``. p50 is the smallest value that half of all completed tasks do not exceed (nearest
rank), no sample and no estimate.
"""

import sqlite3
from datetime import datetime
from typing import Any, Final, NamedTuple

from callboard.projections.answers import StatsAnswer
from callboard.projections.percentile import percentile
from callboard.projections.reader import snapshot
from callboard.projections.times import micros

_COUNTS: Final = "SELECT status, count(*) FROM"
_SUM: Final = "SELECT count(*), sum(completion) FROM"
_TIMED: Final = "completion IS NOT NULL"
_MICROSECONDS: Final = 1_000_000


class _Scope(NamedTuple):
    """Conditions that pick the tasks to count, and their values."""

    conditions: list[str]
    values: list[Any]

    def tasks(self, *more: str) -> str:
        """Return the table, the index to use if any, and the WHERE clause of the conditions and ``more``."""
        conditions = [*self.conditions, *more]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"tasks {'INDEXED BY tasks_in_time' if self.conditions else ''} {where}"


def task_stats(connection: sqlite3.Connection, since: datetime | None, agent: str | None) -> StatsAnswer:
    """Return the stats of all tasks, or of those submitted at ``since`` or later, or of one ``agent``.

    A completion is counted from when nothing but callboard stood in the task's way any more to the end. Archived tasks
    are not counted.
    """
    scope = _scope(since, agent)
    with snapshot(connection, "tasks") as as_of_seq:
        count = dict(connection.execute(f"{_COUNTS} {scope.tasks()} GROUP BY status", scope.values).fetchall())
        timed, total = connection.execute(f"{_SUM} {scope.tasks(_TIMED)}", scope.values).fetchone()
        p50, p95 = (_seconds(connection, scope, timed, share) for share in (0.5, 0.95))
    return StatsAnswer(
        total=sum(count.values()),
        pending=sum(count.get(status, 0) for status in ("blocked", "scheduled", "assigned")),
        in_progress=sum(count.get(status, 0) for status in ("running", "paused")),
        completed=count.get("completed", 0),
        failed=count.get("failed", 0),
        cancelled=count.get("cancelled", 0),
        expired=count.get("expired", 0),
        avg_completion_seconds=total / timed / _MICROSECONDS if timed else None,
        p50_completion_seconds=p50,
        p95_completion_seconds=p95,
        queue_size=count.get("assigned", 0),
        as_of_seq=as_of_seq,
    )


def _scope(since: datetime | None, agent: str | None) -> _Scope:
    scope = _Scope([], [])
    if since is not None:
        scope.conditions.append("submitted_at >= ?")
        scope.values.append(micros(since))
    if agent is not None:
        scope.conditions.append("agent = ?")
        scope.values.append(agent)
    return scope


def _seconds(connection: sqlite3.Connection, scope: _Scope, count: int, share: float) -> float | None:
    found = percentile(connection, "completion", scope.tasks(_TIMED), scope.values, count, share)
    return None if found is None else found / _MICROSECONDS
