"""What turns, their ends and people's wishes make of a session, in any order and however often."""

import json
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from callboard.events import session
from callboard.events.session import Begun, Ended, Message, begin, end, follow_all, session_key, title_of, usage_of
from callboard.events.session_events import (
    Closed,
    MessageAdded,
    Opened,
    RunCompleted,
    RunFailed,
    RunInterrupted,
    RunStarted,
    SessionEvent,
    Titled,
    UnknownSessionEvent,
)
from callboard.events.session_state import SessionState, evolve, fold
from callboard.events.subjects import id_from_token, id_token
from callboard.events.task_events import Cancelled, Completed, Expired, Failed, Submitted, TaskError, TaskEvent
from callboard.events.turn import Turn

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
NOW = AT + timedelta(hours=1)


def begun(
    task_id: str = "t-1", life: int = 1, seq: int = 1, user_id: str | None = "ada", tenant_id: str | None = None
) -> Begun:
    submitted = Submitted(
        originator_id=task_id,
        originator_version=1,
        at=AT,
        input=Raw(b'"hello there"'),
        priority="low",
        user_id=user_id,
        tenant_id=tenant_id,
    )
    return Begun(seq, Turn("chat", task_id, life, AT), submitted)


def ended(kind: type[TaskEvent] = Completed, task_id: str = "t-1", life: int = 1, seq: int = 2) -> Ended:
    fields: dict[type[TaskEvent], dict[str, Any]] = {
        Completed: {"output": Raw(b'{"say": "hi", "usage": {"input_tokens": 3}}'), "duration_ms": 1.0},
        Failed: {"error": TaskError("ValueError", "no", "a traceback"), "attempts": 1},
        Cancelled: {"reason": "changed my mind"},
        Expired: {},
    }
    event = kind(originator_id=task_id, originator_version=9, at=AT, **fields[kind])
    return Ended(seq, task_id, life, event)


def after(*facts: Begun | Ended) -> SessionState:
    state = follow_all(None, list(facts))[1]
    assert state is not None
    return state


def test_the_first_turn_opens_a_session_and_gives_it_a_title() -> None:
    events = begin(None, begun())
    assert [type(event) for event in events] == [Opened, MessageAdded, Titled, RunStarted]
    assert [event.originator_version for event in events] == [1, 2, 3, 4]
    assert {event.at for event in events} == {AT}


def test_a_completed_run_is_an_answer_with_its_tokens() -> None:
    completed, answer = end(after(begun()), ended())
    assert isinstance(completed, RunCompleted)
    assert (completed.input_tokens, completed.output_tokens) == (3, None)
    assert isinstance(answer, MessageAdded)
    assert (answer.role, json.loads(bytes(answer.content))["say"]) == ("assistant", "hi")


@pytest.mark.parametrize(("kind", "said"), [(Failed, RunFailed), (Expired, RunFailed), (Cancelled, RunInterrupted)])
def test_any_other_end_says_why_and_adds_no_message(kind: type[TaskEvent], said: type[SessionEvent]) -> None:
    (event,) = end(after(begun()), ended(kind))
    assert type(event) is said
    assert "traceback" not in msgspec.json.encode(event).decode()


def test_an_end_that_nobody_can_read_interrupts() -> None:
    (event,) = end(after(begun()), Ended(2, "t-1", 1, None))
    assert isinstance(event, RunInterrupted)
    assert event.at == AT


def test_a_retried_task_runs_again_and_says_nothing_twice() -> None:
    (event,) = begin(after(begun(), ended(Failed)), begun(life=2))
    assert isinstance(event, RunStarted)
    assert event.life == 2


def test_a_run_whose_end_nobody_saw_does_not_stay_open() -> None:
    interrupted, started = begin(after(begun()), begun(life=2))
    assert isinstance(interrupted, RunInterrupted)
    assert isinstance(started, RunStarted)


def test_facts_are_taken_in_the_order_of_the_log() -> None:
    facts: list[Begun | Ended] = [begun("t-2", seq=3), ended(seq=2), begun("t-1", seq=1)]
    steps, state = follow_all(None, facts)
    kinds = [type(event).__name__ for step in steps for event in step]
    assert kinds == [
        *("Opened", "MessageAdded", "Titled", "RunStarted"),
        *("RunCompleted", "MessageAdded"),
        *("MessageAdded", "RunStarted"),
    ]
    assert state is not None
    assert state.under_way == ["t-2"]


def test_a_closed_session_is_opened_again_by_what_is_said() -> None:
    state = after(begun(), ended())
    closed = fold(state, session.close(state, NOW))
    assert [type(event) for event in begin(closed, begun("t-2"))] == [Opened, MessageAdded, RunStarted]
    more = session.add_message(closed, "chat", Message(role="system", content=Raw(b"1")), NOW)
    assert [type(event) for event in more] == [Opened, MessageAdded]


def test_the_first_user_and_tenant_that_are_said_are_those_of_the_session() -> None:
    opened = fold(None, session.add_message(None, "chat", Message(role="system", content=Raw(b"1")), NOW))
    nobody = fold(opened, begin(opened, begun("t-1", user_id=None)))
    first, *_ = begin(nobody, begun("t-2", user_id="bob"))
    assert isinstance(first, Opened)
    assert (first.session_id, first.user_id, first.tenant_id) == ("chat", "bob", None)
    bobs = fold(nobody, begin(nobody, begun("t-2", user_id="bob")))
    assert Opened not in map(type, begin(bobs, begun("t-3", user_id="eve")))
    acme = fold(bobs, begin(bobs, begun("t-3", user_id="eve", tenant_id="acme")))
    assert acme is not None
    assert (acme.user_id, acme.tenant_id) == ("bob", "acme")
    closed = fold(acme, session.close(acme, NOW))
    assert fold(closed, begin(closed, begun("t-4", user_id="eve"))).user_id == "bob"  # type: ignore[union-attr]


def test_what_does_not_fit_is_left_out() -> None:
    events = session.without_content(begin(None, begun()))
    (message,) = [event for event in events if isinstance(event, MessageAdded)]
    assert (bytes(message.content), message.omitted, message.role) == (b"null", True, "user")


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ('"hello"', "hello"),
        ('" two\\n\\tlines \\u0000 "', "two lines"),
        (json.dumps("x" * 81), "x" * 79 + "…"),
        (json.dumps("x" * 80), "x" * 80),
        ('{"a": 1}', '{"a": 1}'),
        ('""', ""),
    ],
)
def test_a_title_is_one_line_of_at_most_80_characters(content: str, title: str) -> None:
    assert title_of(Raw(content.encode())) == title


@pytest.mark.parametrize("output", ["1", '{"usage": 1}', '{"usage": {"input_tokens": -1}}', '{"usage": null}', "[]"])
def test_an_output_that_says_nothing_of_tokens_has_none(output: str) -> None:
    used = usage_of(Raw(output.encode()))
    assert (used.input_tokens, used.output_tokens) == (None, None)


@given(st.text(min_size=1, max_size=256))
def test_any_session_id_makes_a_token_and_no_two_make_the_same(session_id: str) -> None:
    key = session_key(session_id)
    assert id_from_token(id_token(key)) == key
    assert session_key(f"{session_id}.") != key


tasks = st.sampled_from(["t-1", "t-2", "t-3"])
lives = st.integers(1, 3)
kinds: st.SearchStrategy[type[TaskEvent]] = st.sampled_from([Completed, Failed, Cancelled, Expired])
people = st.sampled_from([None, "ada", "bob"])
turns = st.builds(begun, tasks, lives, user_id=people, tenant_id=people)
facts = st.one_of(turns, st.builds(ended, kinds, tasks, lives))
texts = st.sampled_from(["one", "two"])
messages = st.builds(
    Message, role=st.sampled_from(["user", "tool"]), content=st.just(Raw(b"1")), message_id=st.sampled_from(["a", "b"])
)
wishes = st.one_of(facts, messages, texts, st.just(Closed), st.just(UnknownSessionEvent))


def decide(state: SessionState | None, wish: Any) -> list[SessionEvent]:
    if isinstance(wish, Begun | Ended):
        return session.follow(state, wish)
    if isinstance(wish, Message):
        return session.add_message(state, "chat", wish, NOW)
    if state is None:
        return []
    if wish is UnknownSessionEvent:
        version = state.version + 1
        return [UnknownSessionEvent(originator_id=state.key, originator_version=version, at=NOW)]
    if wish is Closed:
        return session.close(state, NOW)
    titled = session.title(state, wish, NOW)
    state = fold(state, titled) or state
    return titled + session.summarise(state, wish, NOW)


@given(st.lists(wishes, max_size=20))
def test_any_command_in_any_state_once_or_twice(story: list[Any]) -> None:
    state: SessionState | None = None
    history: list[SessionEvent] = []
    for wish in story:
        history += (events := decide(state, wish))
        state = fold(state, events)
        assert wish is UnknownSessionEvent or decide(state, wish) == []
    assert [event.originator_version for event in history] == list(range(1, len(history) + 1))
    assert fold(None, history) == state == reduce(evolve, history, None)
    said = [event for event in history if isinstance(event, Opened)]
    for name in ("user_id", "tenant_id"):
        first = next((value for each in said if (value := getattr(each, name)) is not None), None)
        assert getattr(state, name, None) == first
    runs = [(event.task_id, event.life) for event in history if isinstance(event, RunStarted)]
    assert len(runs) == len(set(runs))
    over = [event for event in history if isinstance(event, RunCompleted | RunFailed | RunInterrupted)]
    assert len({(event.task_id, event.life) for event in over}) == len(over) <= len(runs)
    under_way = [] if state is None else state.under_way
    assert len(runs) - len(over) == len(under_way)


@given(st.permutations([*begin(None, begun()), *end(after(begun()), ended())]))
def test_the_fold_is_total(events: list[SessionEvent]) -> None:
    state = fold(None, events)
    assert state is not None
    assert state.version == events[-1].originator_version
