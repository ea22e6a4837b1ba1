"""The query about activity: what happened in a window of time, in all, by agent or kind, and over time."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from msgspec import Struct

from callboard.events.errors import InvalidValueError
from callboard.projections.activity_answers import ActivityAnswer, ActivityItem, By, GroupItem, Per, PeriodItem
from callboard.projections.find_errors import errors
from callboard.projections.find_periods import Counted, counted
from callboard.projections.reader import snapshot
from callboard.projections.spans import DAY, HOUR, MINUTE, Stretch, stretches
from callboard.projections.times import micros, moment

MINUTES: Final[dict[Per, int]] = {"minute": 1, "hour": HOUR, "day": DAY}
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
    matches, them = _matches(scope), stretches(window.start, window.end)
    minutes, split = window.minutes(window.since or 0, window.until), scope.by != "none"
    return {
        "total": _item(counted(connection, them, matches, "none").get((0, "")), minutes),
        "errors": errors(connection, them, matches, "''").get("", []),
        "groups": _groups(connection, scope, them, minutes) if split else [],
        "periods": list(_periods(connection, scope, window)) if scope.per else [],
    }


def _item(found: Counted | None, minutes: float) -> ActivityItem:
    return ActivityItem(**_fields(found or Counted(), minutes))


def _fields(found: Counted, minutes: float) -> dict[str, Any]:
    """Return the fields of an ActivityItem about what was found in that many minutes."""
    facts = found.facts()
    done, failed = facts["completed"], facts["failed"]
    p50, p95 = found.quantiles(0.5, 0.95)
    return {
        **facts,
        "failure_rate": failed / (done + failed) if failed else 0.0,
        "avg_ms": _milliseconds(found.mean()),
        "p50_ms": _milliseconds(p50),
        "p95_ms": _milliseconds(p95),
        "per_minute": done / minutes if minutes > 0 else 0.0,
    }


def _groups(
    connection: sqlite3.Connection, scope: ActivityScope, them: list[Stretch], minutes: float
) -> list[GroupItem]:
    failures = errors(connection, them, _matches(scope), scope.by)
    groups = {name: found for (_, name), found in counted(connection, them, _matches(scope), scope.by).items()}
    # An attempt may have failed in a window in which nothing was submitted and nothing ended.
    return [
        GroupItem(group=name or None, errors=failures.get(name, []), **_fields(groups.get(name, Counted()), minutes))
        for name in sorted({*groups, *failures})
    ]


def _periods(connection: sqlite3.Connection, scope: ActivityScope, window: _Window) -> Iterable[PeriodItem]:
    length = MINUTES[scope.per or "day"]
    them = stretches(window.start, window.end, length)
    found = counted(connection, them, _matches(scope), scope.by, f"at * span / {length}")
    for (at, name), one in sorted(found.items(), key=itemgetter(0)):
        start = at * length * MINUTE
        fields = _fields(one, window.minutes(start, start + length * MINUTE))
        yield PeriodItem(at=moment(start), group=name or None, **fields)


def _matches(scope: ActivityScope) -> dict[str, str | None]:
    return {"agent": scope.agent, "kind": scope.kind}


def _milliseconds(value: float | None) -> float | None:
    return None if value is None else value / 1000
