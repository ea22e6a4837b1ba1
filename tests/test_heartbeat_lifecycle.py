"""The diagram on the page about heartbeats says what the decisions about them do."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from callboard.events.heartbeat_decisions import put, remove
from callboard.events.heartbeat_events import EVENTS, HeartbeatState, evolve
from tests.support.diagram import Arrow, drawn, shows
from tests.support.heartbeat_story import DAILY, HOURLY, PAUSED
from tests.support.task_story import NOW

PAGE = "heartbeats.md"
DAILY_PAUSED = msgspec.structs.replace(DAILY, enabled=False)


def decisions(state: HeartbeatState | None) -> Iterator[Any]:
    """Yield every kind of decision, asked for by a new command, the last one come again, and one before it."""
    last = 5 if state is None else int((state.by or "e-0").removeprefix("e-"))
    for number in (last + 1, last, last - 1):
        for definition in (HOURLY, DAILY, PAUSED, DAILY_PAUSED):
            yield partial(put, name="sync", definition=definition, by=f"e-{number}")
        yield partial(remove, by=f"e-{number}")


def status(state: HeartbeatState | None) -> str:
    if state is None:
        return "[*]"
    if state.definition is None:
        return "removed"
    return "paused" if state.beating is None else "beating"


def walk() -> set[Arrow]:
    """Return every step that any decision in any reachable state leads to."""
    found: set[Arrow] = set()
    seen: set[object] = set()
    todo: list[HeartbeatState | None] = [None]
    while todo:
        before = todo.pop()
        for decide in decisions(before):
            state = before
            for event in decide(state, now=NOW):
                after = evolve(state, event)
                found.add((status(state), status(after), event.TOPIC.removeprefix("heartbeat.")))
                state = after
            essence = None if state is None else str(state.definition)
            if state is not None and essence not in seen:
                seen.add(essence)
                todo.append(state)
    return found


def test_the_diagram_shows_exactly_what_decisions_can_do() -> None:
    assert shows(PAGE, walk(), EVENTS)


def test_the_diagram_ends_where_a_heartbeat_is_no_more() -> None:
    assert [before for before, after, _event in drawn(PAGE) if after == "[*]"] == ["removed"]
