"""The diagram on the page about sessions says what the decisions about them do."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from msgspec import Raw

from callboard.events import session
from callboard.events.session import Begun, Ended, Message
from callboard.events.session_events import EVENTS
from callboard.events.session_state import SessionState, evolve
from callboard.events.task_events import Cancelled, Completed, Expired, Submitted, TaskEvent
from callboard.events.turn import Turn
from tests.support.diagram import Arrow, drawn, steps
from tests.support.task_story import NOW

PAGE = "sessions.md"
HEAD: dict[str, Any] = {"originator_version": 1, "at": NOW}


def decisions() -> Iterator[Any]:
    for task_id in ("t-1", "t-2"):
        user_id = "ada" if task_id == "t-2" else None
        submitted = Submitted(originator_id=task_id, **HEAD, input=Raw(b'"hello"'), priority="low", user_id=user_id)
        ends: list[TaskEvent] = [
            Completed(originator_id=task_id, **HEAD, output=Raw(b"1"), duration_ms=1.0),
            Cancelled(originator_id=task_id, **HEAD, reason=None),
            Expired(originator_id=task_id, **HEAD),
        ]
        for life in (1, 2):
            yield partial(session.follow, fact=Begun(1, Turn("chat", task_id, life, NOW), submitted))
            yield from (partial(session.follow, fact=Ended(2, task_id, life, event)) for event in ends)
    message = Message(role="system", content=Raw(b"1"), message_id="m-1")
    yield partial(session.add_message, session_id="chat", message=message, now=NOW)
    for change in (partial(session.title, text="a"), partial(session.summarise, text="a"), session.close):
        yield lambda state, change=change: [] if state is None else change(state, now=NOW)


def status(state: SessionState | None) -> str:
    if state is None:
        return "[*]"
    if not state.opened:
        return "closed"
    return "active" if state.under_way else "open"


def walk() -> set[Arrow]:
    """Return every step that any decision in any reachable state leads to."""
    found: set[Arrow] = set()
    seen: set[object] = set()
    todo: list[SessionState | None] = [None]
    while todo:
        before = todo.pop()
        for decide in decisions():
            state = before
            for event in decide(state):
                after = evolve(state, event)
                found.add((status(state), status(after), event.TOPIC.removeprefix("session.")))
                state = after
            if state is not None and (essence := _essence(state)) not in seen:
                seen.add(essence)
                todo.append(state)
    return found


def _essence(state: SessionState) -> object:
    runs = frozenset((task_id, run.life, run.over) for task_id, run in state.runs.items())
    return runs, state.opened, state.title, state.summary, state.added, state.user_id


def test_the_diagram_shows_exactly_what_decisions_can_do() -> None:
    arrows = steps(PAGE)
    assert set(arrows) == walk()
    assert len(arrows) == len(set(arrows))


def test_every_event_is_drawn() -> None:
    names = {cls.TOPIC.removeprefix("session.") for cls in EVENTS}
    assert {event for _before, _after, event in drawn(PAGE) if event} == names
