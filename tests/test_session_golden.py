"""The stored bytes of sessions, and of the records that a turn began, decode for ever."""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Raw

from callboard.events.session_events import (
    EVENTS,
    Closed,
    MessageAdded,
    Opened,
    RunCompleted,
    RunFailed,
    RunInterrupted,
    RunStarted,
    SessionEvent,
    Summarised,
    Titled,
    UnknownSessionEvent,
    decode,
)
from callboard.events.task_events import Retried, Submitted, TaskError
from callboard.events.task_state import evolve
from callboard.events.turn import Turn, begun, read_turn
from tests.support.golden import Golden, GoldenEvents

GOLDEN: Final = Golden("session", decode)
AT: Final = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
HEAD: Final[dict[str, Any]] = {"originator_id": "chat 7/ü", "at": AT}


def nobody(_task_id: str) -> None:
    """Know of no task."""


EXPECTED: Final[dict[str, SessionEvent]] = {
    "opened": Opened(**HEAD, originator_version=1, session_id="chat 7/ü", user_id="ada", tenant_id="acme"),
    "message_added": MessageAdded(
        **HEAD, originator_version=2, role="user", content=Raw(b'{"say": "hello", "n": 1e3}'), task_id="t-1"
    ),
    "message_added.tool": MessageAdded(
        **HEAD,
        originator_version=3,
        role="tool",
        content=Raw(b"21"),
        task_id="t-1",
        name="weather",
        arguments={"in": "Rome"},
        message_id="t-1/1/1/1",
    ),
    "message_added.omitted": MessageAdded(
        **HEAD, originator_version=4, role="assistant", content=Raw(b"null"), task_id="t-1", omitted=True
    ),
    "run_started": RunStarted(**HEAD, originator_version=5, task_id="t-1", life=2),
    "run_completed": RunCompleted(
        **HEAD, originator_version=6, task_id="t-1", life=2, input_tokens=11, output_tokens=7
    ),
    "run_interrupted": RunInterrupted(**HEAD, originator_version=7, task_id="t-2", reason="changed my mind"),
    "run_failed": RunFailed(**HEAD, originator_version=8, task_id="t-3", error=TaskError("ValueError", "no")),
    "titled": Titled(**HEAD, originator_version=9, title="hello", given=True),
    "summarised": Summarised(**HEAD, originator_version=10, summary="Ada says hello."),
    "closed": Closed(**HEAD, originator_version=11),
}


class TestSessionEvents(GoldenEvents):
    golden = GOLDEN
    expected = EXPECTED
    events = EVENTS


def test_an_event_of_a_newer_version_can_be_read() -> None:
    body = b'{"id":"chat","version":4,"at":"2026-03-01T09:00:00Z","by":"ada"}'
    assert isinstance(decode("session.pinned", body), UnknownSessionEvent)


def test_the_record_of_a_turn_is_the_same_for_ever() -> None:
    submitted = Submitted(
        originator_id="t-1", originator_version=1, at=AT, input=Raw(b"1"), priority="low", session_id="chat 7/ü"
    )
    retried = Retried(originator_id="t-1", originator_version=9, at=AT)
    first, again = begun(submitted, None, nobody), begun(retried, evolve(None, submitted), nobody)
    assert first is not None
    assert again is not None
    assert (first.subject, again.subject) == ("callboard.events.turn.t-1.1.begun", "callboard.events.turn.t-1.9.begun")
    body = '{"session":"chat 7/ü","task":"t-1","life":1,"at":"2026-03-01T09:00:00.123456Z"}'
    assert first.state == body.encode()
    assert read_turn(first.state) == Turn("chat 7/ü", "t-1", 1, AT)
    assert read_turn(again.state).life == 2
