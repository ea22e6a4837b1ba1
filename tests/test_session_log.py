"""What is remembered of a session saves reading it again, and is never taken for what the log has."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Raw

from callboard.conversing import SessionDesk, session_journal
from callboard.errors import NotFoundError
from callboard.events.aggregate_log import Known
from callboard.events.journal import Journal
from callboard.events.session_events import MessageAdded, RunStarted, Titled, UnknownSessionEvent
from callboard.events.session_log import SessionLog
from callboard.events.session_state import SessionState
from callboard.requests import SessionChange, SessionMessage
from tests.support.nats_server import NatsServer
from tests.support.task_logs import task_journal

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


class CountingJournal(Journal):
    """A journal that tells what it was asked."""

    wholes = 0
    parts = 0

    async def load(self, *given: Any) -> Any:
        self.wholes += 1
        return await super().load(*given)

    async def load_versions(self, *given: Any) -> Any:
        self.parts += 1
        return await super().load_versions(*given)


class Room:
    """A desk for sessions with a journal of its own, as a process has it."""

    def __init__(self, journal: Journal, remembered: int = 2) -> None:
        given = session_journal(journal.loop, journal.connection)
        self.journal = CountingJournal(given.loop, given.connection, given.stream, given.prefix)
        self.log = SessionLog(self.journal, remembered=remembered)
        self.desk = SessionDesk(self.log)

    def change(self, session_id: str, **wanted: Any) -> int:
        change = SessionChange(session_id=session_id, **wanted)
        return self.journal.loop.run(self.desk.change(change))[1]

    def say(self, session_id: str, message_id: str | None = None) -> int:
        return self.change(session_id, message=SessionMessage(role="user", content=Raw(b'"hello"'), id=message_id))

    def state(self, session_id: str) -> SessionState:
        state = self.journal.loop.run(self.log.current(session_id)).state
        assert state is not None
        return state


Rooms = Callable[..., Room]


@pytest.fixture
def room(nats_server: NatsServer) -> Iterator[Rooms]:
    """Make rooms on one log."""
    with task_journal(nats_server.url) as journal:
        yield lambda remembered=2: Room(journal, remembered)


def test_a_session_is_read_once_and_then_only_added_to(room: Rooms) -> None:
    one = room()
    seqs = [one.say("often", f"m-{number}") for number in range(10)]
    assert seqs == sorted(set(seqs))
    assert (one.journal.wholes, one.journal.parts) == (1, 0)


def test_what_others_added_meanwhile_is_read_and_no_more(room: Rooms) -> None:
    one, other = room(), room()
    one.say("shared", "m-1")
    last = [other.say("shared", f"m-{number}") for number in (2, 3)][-1]
    assert one.say("shared", "m-4") > last
    assert (one.journal.wholes, one.journal.parts) == (1, 1)
    assert one.state("shared").added == {"m-1", "m-2", "m-3", "m-4"}
    assert one.state("shared") == other.state("shared")


def test_nothing_is_left_out_because_of_what_is_remembered(room: Rooms) -> None:
    one, other = room(), room()
    one.say("titled")
    one.change("titled", title="A")
    other.change("titled", title="B")
    seq = one.change("titled", title="A")
    assert one.state("titled").title == other.state("titled").title == "A"
    assert one.change("titled", title="A") == other.change("titled", title="A") == seq


def test_a_message_that_another_process_added_is_not_added_again(room: Rooms) -> None:
    one, other = room(), room()
    one.say("once", "m-1")
    seq = other.say("once", "m-2")
    assert one.say("once", "m-2") == seq


def test_what_was_not_there_may_be_by_now(room: Rooms) -> None:
    one, other = room(), room()
    with pytest.raises(NotFoundError):
        one.change("later", title="A")
    other.say("later")
    one.change("later", title="A")
    assert other.state("later").title == "A"


def test_the_least_used_sessions_are_forgotten(room: Rooms) -> None:
    one = room(2)
    for name in ("f-1", "f-2", "f-1", "f-3", "f-1"):
        one.say(name)
    assert one.journal.wholes == 3
    one.say("f-2")
    assert one.journal.wholes == 4
    none = room(0)
    for _ in range(2):
        none.say("f-1")
    assert none.journal.wholes == 2


def test_more_than_one_answer_holds_is_folded_as_if_it_came_one_by_one(room: Rooms) -> None:
    one, other = room(), room()
    one.say("long")
    before = one.state("long")
    events: list[Any] = [
        MessageAdded(**_head(4), role="tool", content=Raw(b"1"), message_id="m-4"),
        UnknownSessionEvent(**_head(5)),
        *(RunStarted(**_head(version), task_id=f"t-{version}") for version in range(6, 1300)),
        Titled(**_head(1300), title="long", given=True),
    ]
    assert before.version == 3
    for start in range(0, len(events), 500):
        one.journal.loop.run(one.log.append(events[start : start + 500]))
    later = one.journal.loop.run(one.log.later("long", Known(before, 3)))
    assert later.state == other.state("long")
    assert len(other.state("long").runs) == 1294
    assert other.state("long").title == "long"


def _head(version: int) -> dict[str, Any]:
    return {"originator_id": "long", "originator_version": version, "at": AT}
