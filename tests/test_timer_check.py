"""Comparing the log with the timers: what is missing is set, what is there is left alone, nothing is read twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from callboard.actors.timer_check import MAX_OPEN, CheckStoppedError, mark_after
from callboard.events import subjects, task
from callboard.events.timers import Timer
from tests.support.nats_server import NatsServer
from tests.support.timer_room import TimerRoom, timer_room

NOW = datetime.now(UTC)
TOMORROW = NOW + timedelta(days=1)
SOON = NOW + timedelta(hours=1)


@pytest.fixture
def room(fresh_nats_server: NatsServer) -> Iterator[TimerRoom]:
    with timer_room(fresh_nats_server.url) as room:
        yield room


def settled_up(room: TimerRoom) -> None:
    """Leave the scheduler's consumer as it is when everything in the log was dealt with."""
    room.acknowledge_all(subjects.EVENTS, subjects.SCHEDULER_DURABLE, subjects.task_event("scheduled"))


def test_a_log_without_tasks_that_wait_needs_nothing(room: TimerRoom) -> None:
    room.submit("a")

    done = room.check()

    assert (done.checked, done.mended) == (0, 0)


def test_a_missing_timer_is_set(room: TimerRoom) -> None:
    room.submit("a", scheduled_for=SOON)
    room.submit("b", expires_at=TOMORROW)
    room.submit("c", scheduled_for=SOON, expires_at=TOMORROW)
    settled_up(room)

    done = room.check()

    assert (done.checked, done.mended) == (4, 4)
    assert room.set == {("a", "3"), ("b", "expiry"), ("c", "3"), ("c", "expiry")}


def test_what_the_scheduler_has_not_come_to_yet_is_left_to_it(room: TimerRoom) -> None:
    room.submit("a", scheduled_for=SOON, expires_at=TOMORROW)

    done = room.check()

    assert (done.checked, done.mended) == (2, 1)
    assert room.set == {("a", "expiry")}


def test_a_second_look_finds_nothing_and_reads_nothing_again(room: TimerRoom) -> None:
    room.submit("a", scheduled_for=SOON)
    settled_up(room)
    first = room.check()

    second = room.check()

    assert (first.read, first.mended) == (2, 1)
    assert (second.read, second.checked, second.mended) == (0, 1, 0)


def test_a_timer_lost_behind_the_mark_is_set_again(room: TimerRoom) -> None:
    room.submit("a", scheduled_for=SOON)
    settled_up(room)
    room.check()
    room.lose_timers(subjects.task_timers())

    done = room.check()

    assert (done.read, done.mended) == (0, 1)
    assert room.set == {("a", "3")}


def test_when_all_timers_are_lost_so_is_the_mark_and_all_are_set_again(room: TimerRoom) -> None:
    for number in range(30):
        room.submit(f"task-{number}", scheduled_for=SOON)
    settled_up(room)
    room.check()
    room.lose_timers()

    done = room.check()

    assert (done.read, done.checked, done.mended) == (60, 30, 30)


def test_what_has_fired_and_waits_to_be_dealt_with_is_there(room: TimerRoom) -> None:
    room.submit("a", scheduled_for=SOON)
    settled_up(room)
    room.put(Timer("a", "3", NOW))

    assert room.check().mended == 0


def test_tasks_that_are_over_or_were_started_need_none(room: TimerRoom) -> None:
    for task_id in ("over", "due"):
        room.submit(task_id, scheduled_for=SOON, expires_at=TOMORROW)
    room.submit("started", expires_at=TOMORROW)
    room.decide("over", lambda state, now: task.cancel(state, None, now))
    room.decide("due", lambda state, now: task.become_due(state, 3, now))
    room.decide("started", lambda state, now: task.start(state, 1, "worker", now))
    settled_up(room)

    done = room.check()

    assert (done.checked, room.set) == (1, {("due", "expiry")})


def test_what_is_no_event_is_passed_over(room: TimerRoom) -> None:
    async def stray() -> None:
        for subject in ("callboard.events.task.a.1.submitted", "callboard.events.task.b.x.scheduled"):
            await room.connection.request(subject, b'{"expires_at": nonsense')

    room.loop.run(stray())
    room.submit("c", expires_at=TOMORROW)

    assert room.check().mended == 1


def test_it_ends_when_everything_stops(room: TimerRoom) -> None:
    room.submit("a", scheduled_for=SOON)
    room.stopping.set()

    with pytest.raises(CheckStoppedError):
        room.check()

    assert room.set == set()


def test_more_waiting_tasks_than_a_mark_names_are_read_again_from_the_first_that_is_not_named() -> None:
    waiting = {f"task-{number}": 10 * number for number in range(MAX_OPEN + 2)}

    mark = mark_after("log", 10**9, waiting)

    assert len(mark.open) == MAX_OPEN
    assert mark.seq == 10 * MAX_OPEN - 1
    assert mark_after("log", 7, {"a": 3}).seq == 7
