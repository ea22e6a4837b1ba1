"""The page about the life of a task says what the code does."""

import re
from collections.abc import Iterator
from functools import cache, partial
from itertools import product
from typing import Any

import pytest

from callboard.events import task
from callboard.events.submission import Submission
from callboard.events.task import TERMINAL, Route, TaskState, evolve
from callboard.events.task_events import EVENTS, TaskEvent
from tests.support.diagram import Arrow, drawn, steps
from tests.support.source import ROOT
from tests.support.task_story import ID, LATER, LOG, NOW, OOPS, OUTPUT, ROUTE, START, submission

PAGE_NAME = "task-lifecycle.md"
PAGE = (ROOT / "docs" / PAGE_NAME).read_text(encoding="utf-8")
FIELD = re.compile(r"`(\w+)`(\??)")
NOBODY = Route(agent=None, reason="nobody takes it")


def submissions() -> Iterator[Submission]:
    """Yield tasks of every kind: they wait for nothing, for others, for their time, and not for ever."""
    for depends_on, scheduled_for, expires_at in product([[], ["first"]], [None, LATER], [None, LATER, START]):
        yield submission(
            max_attempts=2, delivery=[LOG], depends_on=depends_on, scheduled_for=scheduled_for, expires_at=expires_at
        )


def decisions(state: TaskState | None) -> Iterator[Any]:
    """Yield every kind of decision, aimed at the state's current life and attempts."""
    life, attempt, timer = (state.life, state.attempt, state.timer) if state else (1, 1, None)
    tries = state.deliveries[0].attempts + 1 if state and state.deliveries else 1
    for asked, route in product(submissions(), (ROUTE, NOBODY)):
        yield partial(task.submit, task_id=ID, submission=asked, route=route)
    yield partial(task.unblock)
    yield partial(task.fail_blocked, error=OOPS)
    yield partial(task.become_due, timer=timer or 0)
    yield partial(task.start, attempt=attempt, worker="worker-1", life=life)
    yield partial(task.progress, attempt=attempt, fraction=0.5, note=None, life=life)
    yield partial(task.complete, attempt=attempt, output=OUTPUT, life=life)
    yield partial(task.fail_attempt, attempt=attempt, error=OOPS, retryable=True, life=life)
    yield partial(task.fail_attempt, attempt=attempt, error=OOPS, retryable=True, life=life, delay_seconds=1.0)
    yield partial(task.fail_attempt, attempt=attempt, error=OOPS, retryable=False, life=life)
    yield partial(task.release, attempt=attempt, reason="the worker stops", life=life)
    yield partial(task.expire)
    yield partial(task.cancel, reason=None)
    yield partial(task.retry, route=ROUTE)
    yield partial(task.deliver, index=0, attempt=tries, receipt=None, life=life)
    yield partial(task.fail_delivery, index=0, attempt=tries, error=OOPS, final=False, life=life)
    yield partial(task.fail_delivery, index=0, attempt=tries, error=OOPS, final=True, life=life)
    yield partial(task.archive)


def essence(state: TaskState) -> tuple[object, ...]:
    """Return what decisions depend on, so that the walk ends."""
    tries = [min(entry.attempts, 2) for entry in state.deliveries], [entry.over for entry in state.deliveries]
    asked = state.submitted
    waits = asked and (bool(asked.depends_on), asked.scheduled_for, asked.expires_at)
    lived = min(state.life, 2), state.agent, state.started_at is None, state.timer is None, state.archived
    return state.status, min(state.attempt, 3), min(state.released, 2), state.progress, str(tries), waits, lived


@cache
def walk() -> set[Arrow]:
    """Return every step that any decision, made early or late, in any reachable state leads to."""
    found: set[Arrow] = set()
    seen: set[object] = set()
    todo: list[TaskState | None] = [None]
    while todo:
        start = todo.pop()
        for decide, now in product(decisions(start), (NOW, LATER)):
            state = start
            for event in decide(state, now=now):
                after = evolve(state, event)
                found.add((state.status if state else "[*]", after.status, event.TOPIC.removeprefix("task.")))
                state = after
            if state is not None and essence(state) not in seen:
                seen.add(essence(state))
                todo.append(state)
    return found


def test_the_diagram_shows_exactly_what_decisions_can_do() -> None:
    arrows = steps(PAGE_NAME)
    assert set(arrows) == walk()
    assert len(arrows) == len(set(arrows))


def test_the_diagram_ends_in_the_terminal_states_that_are_reached() -> None:
    reached = {after for _before, after, _event in walk()}
    assert {before for before, after, _event in drawn(PAGE_NAME) if after == "[*]"} == TERMINAL & reached


def test_every_event_is_drawn() -> None:
    assert {event for _before, _after, event in drawn(PAGE_NAME) if event} == {
        cls.TOPIC.removeprefix("task.") for cls in EVENTS
    }


def rows(heading: str) -> dict[str, list[str]]:
    """Return the rows of the table under ``heading`` by their first cell."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


@pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.TOPIC)
def test_the_table_of_events_has_the_fields_that_are_stored(cls: type[TaskEvent]) -> None:
    described = FIELD.findall(rows("Events")[cls.TOPIC.removeprefix("task.")][0])
    own = [name for name in cls.__struct_fields__ if name not in TaskEvent.__struct_fields__]
    required = len(own) - len(cls.__struct_defaults__)
    assert described == [(name, "" if number < required else "?") for number, name in enumerate(own)]


def test_the_tables_leave_nothing_out_and_name_nothing_else() -> None:
    assert list(rows("Events")) == [cls.TOPIC.removeprefix("task.") for cls in EVENTS]
    assert all(callable(getattr(task, name)) for name in rows("Decisions"))
    tested = {decide.func.__name__ for decide in decisions(None)}
    assert set(rows("Decisions")) == tested


def test_the_text_states_the_limits_in_force() -> None:
    assert f"cut to {task.MAX_TEXT:,} characters" in PAGE
