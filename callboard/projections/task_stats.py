"""Task stats: how many tasks are in which state, and how long the completed ones took, exact over every task there is.

Tasks that have ended are counted from their tallies, those that have not from an index of their own. Only in the
minutes that ``since`` and ``until`` cut are the tasks themselves looked at. Percentiles are the value of a task
(nearest rank): the tallies tell in which bucket it is, and an index on times finds it there.
"""

import sqlite3
from datetime import datetime
from typing import Any, Final, NamedTuple

from msgspec import Struct

from callboard.projections import cohorts
from callboard.projections.answers import StatsAnswer
from callboard.projections.reader import snapshot
from callboard.projections.sketch import Place, Sketch, borders, bucket_of
from callboard.projections.spans import EVER, MINUTE, Stretch, stretches
from callboard.projections.tallies import COMPLETED, UNTIMED, tallied
from callboard.projections.times import micros

MAX_WALK: Final = 100_000
"""Of how many tasks in one bucket the exact one is looked for; beyond, their mean is less than 1 % away."""

_OPEN: Final = "SELECT status, count(*) FROM tasks INDEXED BY tasks_open WHERE status IN"
_EDGE: Final = "SELECT status, completion FROM tasks INDEXED BY tasks_by_submission WHERE status NOT IN"
_EXACT: Final = "SELECT completion FROM tasks INDEXED BY tasks_by_completion WHERE"
_CROWD: Final = "SELECT ifnull(sum(n), 0) FROM cohorts WHERE span = ? AND at = 0 AND what = ? AND bucket = ?"
_MICROSECONDS: Final = 1_000_000


class StatsScope(Struct, frozen=True, kw_only=True):
    """Which tasks to count: those submitted at ``since`` or later, before ``until``, of one ``agent`` or ``kind``."""

    since: datetime | None = None
    until: datetime | None = None
    agent: str | None = None
    kind: str | None = None


EVERYTHING: Final = StatsScope()


class _Window(NamedTuple):
    """Microseconds since 1970, None for no bound."""

    start: int | None
    end: int | None

    def parts(self) -> "tuple[list[Stretch], list[_Window]]":
        """Return the whole minutes in it, and what is left before and behind them."""
        first = None if self.start is None else -(-self.start // MINUTE)
        last = None if self.end is None else self.end // MINUTE
        if first is not None and last is not None and first >= last:
            return [], [self]
        edges = [] if first is None else [_Window(self.start, first * MINUTE)]
        edges += [] if last is None else [_Window(last * MINUTE, self.end)]
        return stretches(first, last), [edge for edge in edges if edge.start != edge.end]


def task_stats(connection: sqlite3.Connection, scope: StatsScope = EVERYTHING) -> StatsAnswer:
    """Return the stats of all tasks in ``scope``.

    A completion is counted from when nothing but callboard stood in the task's way any more to the end. Archived tasks
    are not counted.
    """
    with snapshot(connection, "tasks") as as_of_seq:
        count, sketch = _ended(connection, scope)
        count |= dict(connection.execute(*_sql(f"{_OPEN} {cohorts.OPEN}", scope, " GROUP BY status")).fetchall())
        p50, p95 = (_percentile(connection, scope, sketch, share) for share in (0.5, 0.95))
    return StatsAnswer(
        total=sum(count.values()),
        pending=sum(count.get(status, 0) for status in ("blocked", "scheduled", "assigned")),
        in_progress=sum(count.get(status, 0) for status in ("running", "paused")),
        completed=count.get(COMPLETED, 0),
        failed=count.get("failed", 0),
        cancelled=count.get("cancelled", 0),
        expired=count.get("expired", 0),
        avg_completion_seconds=_seconds(sketch.mean()),
        p50_completion_seconds=p50,
        p95_completion_seconds=p95,
        queue_size=count.get("assigned", 0),
        as_of_seq=as_of_seq,
    )


def _window(scope: StatsScope) -> _Window:
    return _Window(*(None if each is None else micros(each) for each in (scope.since, scope.until)))


def _ended(connection: sqlite3.Connection, scope: StatsScope) -> tuple[dict[str, int], Sketch]:
    """Return how many tasks in scope have ended how, and the times of the completed ones."""
    minutes, edges = _window(scope).parts()
    found = tallied(connection, cohorts.TABLE, minutes, cohorts.matching(scope.agent, scope.kind))
    rows = [row[1:] for row in found if row[1] != cohorts.RAN]
    for edge in edges:
        for status, took in connection.execute(*_sql(f"{_EDGE} {cohorts.OPEN}", scope, "", edge)).fetchall():
            timed = took is not None and status == COMPLETED
            rows.append((status, bucket_of(took) if timed else UNTIMED, 1, took if timed else 0))
    count: dict[str, int] = {}
    sketch = Sketch()
    for what, bucket, n, total in rows:
        count[what] = count.get(what, 0) + n
        if bucket != UNTIMED:
            sketch.add(bucket, n, total)
    return count, sketch


def _percentile(connection: sqlite3.Connection, scope: StatsScope, sketch: Sketch, share: float) -> float | None:
    place = sketch.place(share)
    if place is None:
        return None
    if place.held == 1 or not _may_walk(connection, place):
        return _seconds(place.mean)
    low, high = borders(place.bucket)
    bounds = f"completion >= {low}" + ("" if high is None else f" AND completion < {high}")
    sql, values = _sql(f"{_EXACT} {bounds}", scope, " ORDER BY completion LIMIT 1 OFFSET ?")
    return _seconds(connection.execute(sql, [*values, place.before]).fetchone()[0])


def _may_walk(connection: sqlite3.Connection, place: Place) -> bool:
    (crowd,) = connection.execute(_CROWD, (EVER, COMPLETED, place.bucket)).fetchone()
    return bool(crowd <= MAX_WALK)


def _sql(head: str, scope: StatsScope, tail: str, window: _Window | None = None) -> tuple[str, list[Any]]:
    """Return ``head`` with the conditions of ``scope``, of ``window`` if that is another one, and ``tail``."""
    start, end = window or _window(scope)
    conditions = {
        "submitted_at >= ?": start,
        "submitted_at < ?": end,
        "agent = ?": scope.agent,
        "kind = ?": scope.kind,
    }
    given = {condition: value for condition, value in conditions.items() if value is not None}
    return f"{head}{''.join(f' AND {each}' for each in given)}{tail}", list(given.values())


def _seconds(value: float | None) -> float | None:
    return None if value is None else value / _MICROSECONDS
