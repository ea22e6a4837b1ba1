"""Checks of sessions, agents, heartbeats and users: what decisions yield is sound, what they do not is found."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from callboard.checking.log_fold import LogFold
from callboard.events import session
from callboard.events.agent_decisions import announce, forget
from callboard.events.agent_events import AgentEvent
from callboard.events.agent_log import AgentState
from callboard.events.reader import StoredMessage
from callboard.events.session import Message
from callboard.events.subjects import id_token
from tests.support.heartbeat_story import commands, stories
from tests.support.rule_story import ALL, COFFEE, HEAVY, UserStory
from tests.support.session_story import Story
from tests.support.task_story import NOW, START

AT = "2026-03-01T09:00:00Z"
SUBJECT = "callboard.events"


def violated(messages: Iterable[StoredMessage]) -> dict[str, int]:
    fold = LogFold()
    fold.take(messages)
    return fold.findings.counts


def raw(*stored: tuple[str, Any]) -> list[StoredMessage]:
    """Return a log of messages, each a subject behind the prefix and a body."""
    bodies = [(subject, body if isinstance(body, bytes) else msgspec.json.encode(body)) for subject, body in stored]
    return [
        StoredMessage(subject=f"{SUBJECT}.{subject}", seq=seq, data=data, event_id=f"append{seq}.0")
        for seq, (subject, data) in enumerate(bodies, 1)
    ]


def told(events: Iterable[Any]) -> list[StoredMessage]:
    """Return a log of events."""
    log = [(_subject(event), event) for event in events]
    return raw(*log)


def _subject(event: Any) -> str:
    kind, _, name = event.TOPIC.partition(".")
    return f"{kind}.{id_token(event.originator_id)}.{event.originator_version}.{name}"


def head(name: str, version: int, **fields: Any) -> dict[str, Any]:
    return {"id": name, "version": version, "at": AT, **fields}


OPENED = ("session.chat.1.opened", head("chat", 1, session_id="chat"))
OPENED_AGAIN = ("session.chat.2.opened", head("chat", 2, session_id="chat"))
COMPLETED = ("session.chat.2.run_completed", head("chat", 2, task_id="t"))
RUN = ("session.chat.2.run_started", head("chat", 2, task_id="t"))
SET = ("heartbeat.beat.1.set", head("beat", 1, agent="echo", input=1, every_seconds=60))
ANNOUNCED = ("agent.echo.1.announced", head("echo", 1))
REJECTED = ("user.ada.1.rule_rejected", head("ada", 1, user_id="ada", rule="r-1"))

WRONG: dict[str, tuple[str, list[tuple[str, Any]]]] = {
    "a session nobody can read": ("unreadable_event", [("session.chat.1.opened", b"{not json"), RUN]),
    "a session of another id": (
        "subject_differs",
        [("session.chat.1.opened", head("talk", 1, session_id="talk")), RUN],
    ),
    "a session of another version": ("subject_differs", [OPENED, ("session.chat.2.closed", head("chat", 7))]),
    "a session that was never opened": ("event_not_allowed", [("session.chat.1.titled", head("chat", 1, title="x"))]),
    "a session opened twice": (
        "event_not_allowed",
        [OPENED, OPENED_AGAIN],
    ),
    "a session closed twice": (
        "event_not_allowed",
        [OPENED, ("session.chat.2.closed", head("chat", 2)), ("session.chat.3.closed", head("chat", 3))],
    ),
    "a run that never began": (
        "event_not_allowed",
        [OPENED, COMPLETED],
    ),
    "a run of another life": (
        "event_not_allowed",
        [OPENED, RUN, ("session.chat.3.run_completed", head("chat", 3, task_id="t", life=2))],
    ),
    "a run that began twice": (
        "event_not_allowed",
        [OPENED, RUN, ("session.chat.3.run_started", head("chat", 3, task_id="t", life=2))],
    ),
    "a message added twice": (
        "event_not_allowed",
        [
            OPENED,
            *(
                (f"session.chat.{n}.message_added", head("chat", n, role="tool", content=1, message_id="m"))
                for n in (2, 3)
            ),
        ],
    ),
    "an agent nobody can read": ("unreadable_event", [("agent.echo.1.announced", b"[]")]),
    "an agent of another name": ("subject_differs", [("agent.echo.1.announced", head("desk", 1))]),
    "an agent forgotten twice": (
        "event_not_allowed",
        [ANNOUNCED, *((f"agent.echo.{n}.forgotten", head("echo", n)) for n in (2, 3))],
    ),
    "a heartbeat that was never set": ("event_not_allowed", [("heartbeat.beat.1.removed", head("beat", 1))]),
    "a heartbeat of another version": ("subject_differs", [SET, ("heartbeat.beat.2.removed", head("beat", 3))]),
    "a rule nobody proposed": ("event_not_allowed", [REJECTED]),
    "a user of another name": ("subject_differs", [("user.grace.1.rule_rejected", head("ada", 1, rule="r-1"))]),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_no_decision_yields_is_found(what: str) -> None:
    name, stored = WRONG[what]
    assert violated(raw(*stored)) == {name: 1}


def turn(version: int, life: int, task_id: str = "t", key: str = "t") -> tuple[str, Any]:
    return f"turn.{key}.{version}.begun", {"session": "chat", "task": task_id, "life": life, "at": AT}


def test_a_turn_has_the_version_of_the_task_it_begins_with() -> None:
    assert violated(raw(turn(1, 1), turn(7, 2))) == {}
    assert violated(raw(turn(7, 2), turn(1, 1))) == {"version_repeated": 1}
    assert violated(raw(turn(1, 1, "another"))) == {"subject_differs": 1}
    assert violated(raw(("turn.t.1.begun", b"{}"))) == {"unreadable_event": 1}


def test_behind_what_is_missing_or_unreadable_nothing_is_judged() -> None:
    late = [("session.chat.4.run_completed", head("chat", 4, task_id="t")), ("session.chat.5.closed", head("chat", 5))]
    assert violated(raw(OPENED, *late)) == {"version_gap": 1}
    assert violated(raw(("session.chat.1.opened", b""), ("session.chat.2.closed", head("chat", 2)))) == {
        "unreadable_event": 1
    }
    assert violated(raw(("agent.echo.1.invented", b"?"), ("agent.echo.2.announced", head("echo", 2)))) == {}


steps = st.lists(
    st.tuples(
        st.sampled_from(["begin", "end", "fail", "again", "say", "title", "sum up", "close"]), st.sampled_from("ab")
    ),
    max_size=12,
)


@given(steps)
def test_what_is_decided_about_sessions_is_sound(wanted: list[tuple[str, str]]) -> None:
    story, lives = Story("a session"), dict.fromkeys("ab", 1)
    for what, task_id in wanted:
        _step(story, lives, what, task_id)
    assert violated(told(story.events)) == {}


def _step(story: Story, lives: dict[str, int], what: str, task_id: str) -> None:
    if what == "begin":
        story.begin(task_id, life=lives[task_id])
    elif what == "again":
        lives[task_id] += 1
        story.begin(task_id, life=lives[task_id])
    elif what in {"end", "fail"}:
        story.end(task_id, output="good" if what == "end" else None, life=lives[task_id])
    elif what == "say":
        said = Message(role="user", content=Raw(b'"hello"'), message_id=task_id)
        story.add(session.add_message(story.state, story.id, said, START))
    elif story.state is not None and what == "close":
        story.add(session.close(story.state, START))
    elif story.state is not None:
        decide = session.title if what == "title" else session.summarise
        story.add(decide(story.state, task_id, START))


@given(stories, st.lists(st.sampled_from([{}, {"concurrency": 3}, None]), max_size=6))
def test_what_is_decided_about_heartbeats_and_agents_is_sound(wanted: list[Any], said: list[Any]) -> None:
    assert violated(told(commands("beat", *wanted))) == {}
    state = AgentState("echo", 0, None)
    events: list[AgentEvent] = []
    for each in said:
        decided = forget(state, NOW) if each is None else announce(state, "echo", each, NOW)
        for event in decided:
            state = state.after(event.originator_version, event)
        events += decided
    assert violated(told(events)) == {}


@given(st.lists(st.tuples(st.sampled_from(["proposed", "accepted", "rejected"]), st.sampled_from(ALL)), max_size=8))
def test_what_is_decided_about_rules_is_sound(wanted: list[tuple[str, Any]]) -> None:
    story = UserStory().proposed(COFFEE, HEAVY)
    for what, learned in wanted:
        if what == "proposed" or (story.state is not None and learned.id in story.state.rules):
            getattr(story, what)(learned)
    assert violated(told(story.events)) == {}
