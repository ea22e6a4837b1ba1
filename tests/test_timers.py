"""Timers at a real server: set, replaced, removed, fired early, swept away."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from callboard.events import consumers, subjects
from callboard.events.errors import LogUnavailableError
from callboard.events.timers import BATCH, LATEST, LEAD, Timer, due_at
from tests.support.nats_server import NatsServer
from tests.support.timer_room import TimerRoom, timer_room
from tests.support.waiting import until

TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def room(fresh_nats_server: NatsServer) -> Iterator[TimerRoom]:
    with timer_room(fresh_nats_server.url) as room:
        yield room


def fired(room: TimerRoom) -> dict[str, str]:
    state = room.ask(f"STREAM.INFO.{subjects.TIMERS}", {"subjects_filter": subjects.due_tasks()})["state"]
    return state.get("subjects") or {}


def test_timers_by_the_thousand_are_set_and_listed(room: TimerRoom) -> None:
    timers = [Timer(f"task-{number}", "3", TOMORROW) for number in range(2 * BATCH + 1)]

    room.put(*timers)

    assert room.set == {timer.key for timer in timers}
    assert fired(room) == {}


def test_a_timer_set_again_takes_the_place_of_itself(room: TimerRoom) -> None:
    for _ in range(3):
        room.put(Timer("a", "3", TOMORROW))

    assert room.ask(f"STREAM.INFO.{subjects.TIMERS}")["state"]["messages"] == 1


def test_what_is_due_within_the_lead_fires_at_once_and_says_when_it_is_due(room: TimerRoom) -> None:
    due = datetime.now(UTC) + LEAD
    room.put(Timer("a", "3", due), Timer("b", subjects.EXPIRY, due - 2 * LEAD))

    until(lambda: set(fired(room)) == {subjects.due("a", "3"), subjects.due("b", "expiry")}, "both have fired")

    message = room.ask(f"STREAM.MSG.GET.{subjects.TIMERS}", {"last_by_subj": subjects.due("a", "3")})["message"]
    assert due_at(b64decode(message["data"])) == due
    assert room.set == {("a", "3"), ("b", "expiry")}, "it is there until it was dealt with"


def test_only_the_timers_named_are_removed(room: TimerRoom) -> None:
    room.put(Timer("a", "3", TOMORROW), Timer("a", "7", TOMORROW), Timer("a", "expiry", TOMORROW))

    room.loop.run(room.timers.remove([("a", "3"), ("a", "expiry"), ("never", "1")]))

    assert room.set == {("a", "7")}


def test_what_the_server_cannot_count_to_is_not_set(room: TimerRoom) -> None:
    room.put(Timer("a", "3", LATEST), Timer("b", "3", datetime.max.replace(tzinfo=UTC)))

    assert room.set == set()


def test_only_what_was_dealt_with_is_swept_away(room: TimerRoom) -> None:
    made = consumers.durable(
        room.connection, subjects.TIMERS, subjects.DUE_DURABLE, [subjects.due_tasks()], ack_wait_seconds=30
    )
    room.loop.run(made)
    room.put(Timer("a", "3", datetime.now(UTC)), Timer("b", "3", TOMORROW))
    until(lambda: fired(room), "one has fired")

    room.loop.run(room.timers.sweep())
    assert room.set == {("a", "3"), ("b", "3")}

    room.acknowledge_all(subjects.TIMERS, subjects.DUE_DURABLE, subjects.due_tasks())

    room.loop.run(room.timers.sweep())
    assert room.set == {("b", "3")}


def test_an_unanswered_timer_is_no_timer(room: TimerRoom) -> None:
    room.loop.run(room.connection.close())

    with pytest.raises(LogUnavailableError, match="timers"):
        room.put(Timer("a", "3", TOMORROW))


@pytest.mark.parametrize("data", [b"", b"{}", b"[", b'{"due": 7}', b'{"due": "2026-01-01T00:00:00"}', b"\xff"])
def test_a_body_that_is_no_timers_says_nothing(data: bytes) -> None:
    assert due_at(data) is None
