"""What a user wanted lately, as observations: lines of the request log, and tasks. Pure."""

from collections.abc import Hashable, Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.events.facts import WEEKDAY, of_task
from callboard.events.rule import AGENT, INTENT, Scalar
from callboard.learning.observation import Observation
from callboard.projections.find_asked import Asked
from callboard.projections.find_meant import Meant
from callboard.projections.times import moment

EXPLICIT: Final = "explicit"
"""How a task is routed that names its agent: what a router chose says nothing about the user."""

TWIN_SECONDS: Final = 10
"""A line of the request log and a task that say the same within this time are the same wish."""

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Route(Struct, frozen=True):
    agent: str | None = None
    method: str | None = None
    intent: str | None = None


_facts: Final = msgspec.json.Decoder(dict[str, str | int | float | bool])
_input: Final = msgspec.json.Decoder()
_route: Final = msgspec.json.Decoder(_Route)


def observations(lines: Iterable[Meant], tasks: Iterable[Asked]) -> list[Observation]:
    """Return what is known of lines and tasks with an intent; a line and the task that it led to are one."""
    asked: list[Observation] = []
    for task in tasks:
        route = _Route() if task.route is None else _route.decode(task.route)
        facts = of_task(task.kind, _given(task.input), route.intent)
        if INTENT in facts:
            asked.append(_task(task, facts, route))
    meant = [Observation.of("requests", line.seq, _facts.decode(line.facts), moment(line.at)) for line in lines]
    return (_without_twins(meant, asked) if asked else meant) + asked


def _without_twins(lines: Iterable[Observation], tasks: Iterable[Observation]) -> list[Observation]:
    """Return the lines of which no task says the same at about the same time; each task takes one line's place."""
    said: dict[Hashable, list[float]] = {}
    for task in tasks:
        said.setdefault(_said(task), []).append(task.at)
    kept = []
    for line in lines:
        times = said.get(_said(line), [])
        twin = next((at for at in times if abs(at - line.at) <= TWIN_SECONDS), None)
        if twin is None:
            kept.append(line)
        else:
            times.remove(twin)
    return kept


def _said(each: Observation) -> Hashable:
    """Return what equal facts have in common; the agent is only a task's, and the day may change in between."""
    return frozenset((name, repr(value)) for name, value in each.facts.items() if name not in (AGENT, WEEKDAY))


def _task(task: Asked, facts: dict[str, Scalar], route: _Route) -> Observation:
    agent = route.agent if route.method == EXPLICIT else None
    return Observation.of("events", task.seq, facts, moment(task.at), agent)


def _given(data: bytes | None) -> Any:
    """Return the input in ``data``; none of one that nobody can read."""
    try:
        return None if data is None else _input.decode(data)
    except _UNREADABLE:
        return None
