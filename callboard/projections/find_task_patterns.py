"""Patterns of tasks: a query over the newest rows of the projection ``tasks``, which is not made any larger for it."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from callboard.projections.find_entities import ENTITIES
from callboard.projections.pattern_answers import ActionItem, EntityItem, IntentItem, TaskPatterns
from callboard.projections.pattern_days import Days
from callboard.projections.patterns_asked import PatternsAsked
from callboard.projections.reader import snapshot
from callboard.projections.request_entry import text

MAX_TASKS: Final = 5_000
"""How many tasks, the newest ones, are looked at."""

_COLUMNS: Final = "SELECT coalesce(kind, agent), status, duration_ms, route, submitted_at FROM tasks"
_OF_USER: Final = f"{_COLUMNS} WHERE user_id = ? ORDER BY n DESC LIMIT ?"
_OF_ALL: Final = f"{_COLUMNS} ORDER BY n DESC LIMIT ?"
_WENT_WELL: Final = "completed"
_WENT_WRONG: Final = ("failed", "expired")

NO_TASKS: Final = TaskPatterns(counted=0, complete=True, actions=[], intents=[])


class _Route(Struct, frozen=True):
    """What a router found out about a task."""

    intent: str | None = None
    entities: dict[str, Any] | None = None


class _Task(NamedTuple):
    action: str | None
    status: str
    duration_ms: float | None
    route: bytes | None
    submitted_at: int | None


_route: Final = msgspec.json.Decoder(_Route)


def task_patterns(connection: sqlite3.Connection, asked: PatternsAsked) -> TaskPatterns:
    """Return what is common among the newest tasks, of one user or of all, submitted since the day asked for.

    An action is a task's kind, else its agent; who has neither counts among ``counted`` alone.
    """
    with snapshot(connection, "tasks"):
        if asked.user_id is None:
            rows = connection.execute(_OF_ALL, (MAX_TASKS + 1,)).fetchall()
        else:
            rows = connection.execute(_OF_USER, (asked.user_id, MAX_TASKS + 1)).fetchall()
    first = Days.between(asked.since, None).begin or 0
    seen = [_Task(*row) for row in rows[:MAX_TASKS]]
    counted = [task for task in seen if task.submitted_at is None or task.submitted_at >= first]
    return TaskPatterns(
        counted=len(counted),
        complete=len(rows) <= MAX_TASKS or len(counted) < len(seen),
        actions=_actions(counted)[: asked.limit],
        intents=_intents(counted)[: asked.limit],
    )


def _actions(tasks: Iterable[_Task]) -> list[ActionItem]:
    return [
        ActionItem(action=action, max_ms=max(_durations(those), default=None), **_rates(those))
        for action, those in _grouped((task.action, task) for task in tasks)
    ]


def _intents(tasks: Iterable[_Task]) -> list[IntentItem]:
    routes = [(_route.decode(task.route), task) for task in tasks if task.route is not None]
    entities: dict[str | None, Counter[tuple[str, str]]] = {}
    for route, _ in routes:
        values = {(name, text(value)) for name, value in (route.entities or {}).items()}
        entities.setdefault(route.intent, Counter()).update(values)
    return [
        IntentItem(intent=intent, entities=_common(entities[intent]), **_rates(those))
        for intent, those in _grouped((route.intent, task) for route, task in routes)
    ]


def _grouped(named: Iterable[tuple[str | None, _Task]]) -> list[tuple[str, list[_Task]]]:
    """Return the tasks of each name, the most common name first; those without one are left out."""
    groups: dict[str, list[_Task]] = {}
    for name, task in named:
        if name is not None:
            groups.setdefault(name, []).append(task)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def _common(counts: Counter[tuple[str, str]]) -> list[EntityItem]:
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:ENTITIES]
    return [EntityItem(name=name, value=value, count=count) for (name, value), count in common]


def _rates(tasks: list[_Task]) -> dict[str, Any]:
    took, statuses = _durations(tasks), Counter(task.status for task in tasks)
    well, ended = statuses[_WENT_WELL], statuses[_WENT_WELL] + sum(statuses[each] for each in _WENT_WRONG)
    return {
        "count": len(tasks),
        "avg_ms": sum(took) / len(took) if took else None,
        "success_rate": well / ended if ended else None,
    }


def _durations(tasks: Iterable[_Task]) -> list[float]:
    return [task.duration_ms for task in tasks if task.duration_ms is not None]
