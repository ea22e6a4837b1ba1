"""The query about activity: what happened in a window of time, in all, by agent or kind, and over time."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from callboard.events.errors import InvalidValueError
from callboard.projections import activity
from callboard.projections.activity_answers import (
    ActivityAnswer,
    ActivityItem,
    By,
    ErrorItem,
    GroupItem,
    Per,
    PeriodItem,
)
from callboard.projections.cohorts import matching
from callboard.projections.find_errors import errors
from callboard.projections.reader import snapshot
from callboard.projections.sketch import Sketch
from callboard.projections.spans import MINUTE, stretches
from callboard.projections.tallies import UNTIMED, tallied
from callboard.projections.times import micros, moment

MINUTES: Final[dict[Per, int]] = {"minute": 1, "hour": 60, "day": 1_440}
MAX_PERIODS: Final = 1_500

_FIRST: Final = "SELECT at FROM activity WHERE span = 1 ORDER BY at LIMIT 1"


class ActivityScope(Struct, frozen=True, kw_only=True):
    """Which events to count, and how to tell them apart."""

    since: datetime | None = None
    until: datetime | None = None
    agent: str | None = None
    kind: str | None = None
    by: By = "none"
    per: Per | None = None


class _Counted:
    """Tallies added up."""

    def __init__(self) -> None:
        self.count: dict[str, int] = {}
        self.sketch = Sketch()

    def add(self, what: str, bucket: int, n: int, total: int) -> None:
        self.count[what] = self.count.get(what, 0) + n
        if bucket != UNTIMED:
            self.sketch.add(bucket, n, total)

    def fields(self, minutes: float) -> dict[str, Any]:
        """Return the fields of an ActivityItem about that many minutes."""
        count = {name: self.count.get(name, 0) for name in ("submitted", "completed", "failed", "cancelled", "expired")}
        done, failed = count["completed"], count["failed"]
        return {
            **count,
            "failure_rate": failed / (done + failed) if failed else 0.0,
            "avg_ms": _milliseconds(self.sketch.mean()),
            "p50_ms": _milliseconds(self.sketch.quantile(0.5)),
            "p95_ms": _milliseconds(self.sketch.quantile(0.95)),
            "per_minute": done / minutes if minutes > 0 else 0.0,
        }


class _Window(Struct, frozen=True):
    """The whole minutes ``start`` to ``end`` that are asked for, None for no bound, and what of them there was.

    ``since`` and ``until`` are microseconds: of the first event, if there is no start, and now, if that is earlier.
    """

    start: int | None
    end: int | None
    since: int | None
    until: int

    def minutes(self, first: int, last: int) -> float:
        """Return how many minutes of the window there were between two moments."""
        return (min(last, self.until) - max(first, self.since or 0)) / MINUTE


def find_activity(connection: sqlite3.Connection, scope: ActivityScope, now: datetime) -> ActivityAnswer:
    """Return what happened in ``scope``, whose window is taken in whole minutes: those that it touches.

    Raises:
        InvalidValueError: there are too many periods in it.
    """
    with snapshot(connection, "tasks") as as_of_seq:
        window = _window(connection, scope, micros(now))
        _check(scope, window)
        return ActivityAnswer(
            since=moment(window.since),
            until=moment(window.until),
            by=scope.by,
            per=scope.per,
            **_told(connection, scope, window),
            as_of_seq=as_of_seq,
        )


def _window(connection: sqlite3.Connection, scope: ActivityScope, now: int) -> _Window:
    start = None if scope.since is None else micros(scope.since) // MINUTE
    end = None if scope.until is None else -(-micros(scope.until) // MINUTE)
    first = connection.execute(_FIRST).fetchone() if start is None else (start,)
    until = now if end is None else min(now, end * MINUTE)
    return _Window(start, end, None if first is None else first[0] * MINUTE, until)


def _check(scope: ActivityScope, window: _Window) -> None:
    if scope.per is None or window.since is None:
        return
    periods = (window.until - window.since) // (MINUTES[scope.per] * MINUTE)
    if periods > MAX_PERIODS:
        raise InvalidValueError(
            f"expected per to be so long that there are up to {MAX_PERIODS:,} of it since then, "
            f"got {scope.per!r}, of which there are {periods:,}",
            field="per",
        )


def _told(connection: sqlite3.Connection, scope: ActivityScope, window: _Window) -> dict[str, Any]:
    matches, group = matching(scope.agent, scope.kind), _group(scope)
    them = stretches(window.start, window.end)
    total, groups = _Counted(), defaultdict[str, _Counted](_Counted)
    for name, *row in tallied(connection, activity.TABLE, them, matches, group):
        total.add(*row)
        groups[name].add(*row)
    minutes = window.minutes(window.since or 0, window.until)
    told = errors(connection, them, matches, group)
    split = scope.by != "none"
    return {
        "total": ActivityItem(**total.fields(minutes)),
        "errors": errors(connection, them, matches, "''").get("", []) if split else told.get("", []),
        "groups": _groups(groups, told, minutes) if split else [],
        "periods": list(_periods(connection, scope, window)) if scope.per else [],
    }


def _groups(groups: defaultdict[str, _Counted], told: dict[str, list[ErrorItem]], minutes: float) -> list[GroupItem]:
    # An attempt may have failed in a window in which nothing was submitted and nothing ended.
    return [
        GroupItem(
            group=name or None,
            errors=told.get(name, []),
            **groups[name].fields(minutes),
        )
        for name in sorted({*groups, *told})
    ]


def _periods(connection: sqlite3.Connection, scope: ActivityScope, window: _Window) -> Iterable[PeriodItem]:
    length = MINUTES[scope.per or "day"]
    them = stretches(window.start, window.end, length)
    found = defaultdict[tuple[int, str], _Counted](_Counted)
    for at, name, *row in tallied(connection, activity.TABLE, them, matching(scope.agent, scope.kind), _columns(scope)):
        found[at, name].add(*row)
    for (at, name), counted in sorted(found.items()):
        start = at * length * MINUTE
        fields = counted.fields(window.minutes(start, start + length * MINUTE))
        yield PeriodItem(at=moment(start), group=name or None, **fields)


def _columns(scope: ActivityScope) -> str:
    return f"at * span / {MINUTES[scope.per or 'day']}, {_group(scope)}"


def _group(scope: ActivityScope) -> str:
    return "''" if scope.by == "none" else scope.by


def _milliseconds(value: float | None) -> float | None:
    return None if value is None else value / 1000
