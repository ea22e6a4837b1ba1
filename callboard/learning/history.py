"""What a user wanted lately, as observations: lines of the request log, and tasks. Pure."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.events.facts import of_task
from callboard.events.rule import INTENT, Scalar
from callboard.learning.observation import Observation
from callboard.projections.find_asked import Asked
from callboard.projections.find_meant import Meant
from callboard.projections.times import moment

EXPLICIT: Final = "explicit"
"""How a task is routed that names its agent: what a router chose says nothing about the user."""

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Route(Struct, frozen=True):
    agent: str | None = None
    method: str | None = None
    intent: str | None = None


_facts: Final = msgspec.json.Decoder(dict[str, str | int | float | bool])
_input: Final = msgspec.json.Decoder()
_route: Final = msgspec.json.Decoder(_Route)


def observations(lines: Iterable[Meant], tasks: Iterable[Asked]) -> list[Observation]:
    """Return what is known of lines and tasks with an intent."""
    seen = [Observation.of("requests", line.seq, _facts.decode(line.facts), moment(line.at)) for line in lines]
    for task in tasks:
        route = _Route() if task.route is None else _route.decode(task.route)
        facts = of_task(task.kind, _given(task.input), route.intent)
        if INTENT in facts:
            seen.append(_task(task, facts, route))
    return seen


def _task(task: Asked, facts: dict[str, Scalar], route: _Route) -> Observation:
    agent = route.agent if route.method == EXPLICIT else None
    return Observation.of("events", task.seq, facts, moment(task.at), agent)


def _given(data: bytes | None) -> Any:
    """Return the input in ``data``; none of one that nobody can read."""
    try:
        return None if data is None else _input.decode(data)
    except _UNREADABLE:
        return None
