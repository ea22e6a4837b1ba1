"""The diagram on the page about processes says what the decisions about agents do."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from callboard.events.agent_decisions import announce, forget
from callboard.events.agent_events import EVENTS, Announced
from callboard.events.agent_log import AgentState
from tests.support.diagram import Arrow, drawn, shows
from tests.support.task_story import NOW

PAGE = "processes.md"


def decisions() -> Iterator[Any]:
    yield partial(announce, name="ocr", said={})
    yield partial(announce, name="ocr", said={"keywords": ("scan",), "rule": True})
    yield partial(forget)


def status(state: AgentState | None) -> str:
    if state is None:
        return "[*]"
    return "forgotten" if state.announced is None else "known"


def walk() -> set[Arrow]:
    """Return every step that any decision in any reachable state leads to."""
    found: set[Arrow] = set()
    seen: set[object] = set()
    todo: list[AgentState | None] = [None]
    while todo:
        before = todo.pop()
        for decide in decisions():
            state = before
            for event in decide(state, now=NOW):
                after = (state or AgentState("ocr", 0, None)).after(event.originator_version, event)
                found.add((status(state), status(after), event.TOPIC.removeprefix("agent.")))
                state = after
            essence = state and state.announced and state.announced.keywords
            if state is not None and essence not in seen:
                seen.add(essence)
                todo.append(state)
    return found


def test_the_diagram_shows_exactly_what_decisions_can_do() -> None:
    assert shows(PAGE, walk(), EVENTS)


def test_the_diagram_ends_where_nobody_waits_any_more() -> None:
    assert [before for before, after, _event in drawn(PAGE) if after == "[*]"] == ["forgotten"]


def test_what_the_log_says_already_is_not_announced_again() -> None:
    [event] = announce(None, "ocr", {"keywords": ("scan",)}, NOW)
    assert isinstance(event, Announced)
    known = AgentState("ocr", 1, event)
    assert announce(known, "ocr", {"keywords": ("scan",)}, NOW) == []
    [changed] = announce(known, "ocr", {}, NOW)
    assert changed.originator_version == 2


def test_an_agent_that_nobody_knows_is_not_forgotten() -> None:
    assert forget(None, NOW) == []
    assert forget(AgentState("ocr", 2, None), NOW) == []


def test_an_agent_with_events_of_a_newer_version_alone_is_announced_at_the_next_one() -> None:
    [event] = announce(AgentState("ocr", 3, None), "ocr", {}, NOW)
    assert event.originator_version == 4
