from datetime import timedelta, timezone
from typing import Any

import msgspec
import pytest

from callboard.events import task
from callboard.events.task_events import Scheduled, TaskEvent
from tests.support.scenario import given
from tests.support.task_story import (
    BLOCKED,
    FAILED,
    ID,
    LATER,
    NOW,
    QUEUED,
    ROUTE,
    RUNNING,
    SCHEDULED,
    START,
    assigned,
    attempt_failed,
    cancelled,
    expired,
    retried,
    routed,
    scheduled,
    started,
    submission,
    submitted,
)

RETRYING = (*RUNNING, attempt_failed(), scheduled(6, NOW, "retry"))


def test_a_task_whose_time_has_not_come_is_scheduled() -> None:
    given().when(task.submit, ID, submission(scheduled_for=LATER), ROUTE).then(*SCHEDULED)


def test_the_time_is_told_in_utc_wherever_it_was_asked_for() -> None:
    there = LATER.astimezone(timezone(timedelta(hours=9)))
    for asked in (submission(scheduled_for=there), submission(scheduled_for=there, depends_on=["first"])):
        state = task.fold(None, task.submit(None, ID, asked, ROUTE, NOW))
        (waiting,) = [
            event
            for event in [*task.submit(None, ID, asked, ROUTE, NOW), *task.unblock(state, NOW)]
            if isinstance(event, Scheduled)
        ]
        assert msgspec.json.decode(msgspec.json.encode(waiting))["due"] == "2026-03-01T10:00:10Z"


def test_a_task_whose_time_has_come_does_not_wait() -> None:
    for moment in (START, NOW):
        given().when(task.submit, ID, submission(scheduled_for=moment), ROUTE).then(
            submitted(scheduled_for=moment), routed(), assigned()
        )


def test_a_task_that_is_due_goes_into_its_agents_queue() -> None:
    given(*SCHEDULED).when(task.become_due, 3).then(assigned(4))


def test_the_queue_is_that_of_the_route_with_its_priority_and_limit() -> None:
    asked: dict[str, Any] = {"scheduled_for": LATER, "priority": 1, "max_attempts": 2}
    given(submitted(**asked), routed(agent="mail", max_attempts=7), scheduled()).when(task.become_due, 3).then(
        assigned(4, agent="mail", priority="critical", max_attempts=2)
    )


def test_a_retry_that_is_due_is_the_next_attempt() -> None:
    given(*RETRYING).when(task.become_due, 6).then(assigned(7, 2))


def test_attempts_go_on_from_one_wait_to_the_next() -> None:
    second = (*RETRYING, assigned(7, 2), started(8, 2), attempt_failed(9, 2), scheduled(10, NOW, "retry"))
    given(*second).when(task.become_due, 10).then(assigned(11, 3))
    given(*second).when(task.become_due, 6).then_nothing()


def test_a_retry_of_a_later_life_is_due_in_that_life() -> None:
    second = (*FAILED, retried(), assigned(8, life=2), started(9), attempt_failed(10), scheduled(11, NOW, "retry"))
    given(*second).when(task.become_due, 11).then(assigned(12, 2, life=2))


@pytest.mark.parametrize("timer", [0, 2, 4, 6])
def test_the_timer_of_another_event_finds_nothing_to_do(timer: int) -> None:
    given(*SCHEDULED).when(task.become_due, timer).then_nothing()


@pytest.mark.parametrize(
    "history",
    [(), (submitted(), routed()), BLOCKED, QUEUED, RUNNING, (*SCHEDULED, cancelled(4)), (*SCHEDULED, assigned(4))],
)
def test_a_task_that_waits_for_no_time_does_not_become_due(history: tuple[TaskEvent, ...]) -> None:
    given(*history).when(task.become_due, 3).then_nothing()


def test_a_task_that_is_due_after_its_expiry_expires() -> None:
    history = (submitted(scheduled_for=NOW, expires_at=NOW), routed(), scheduled(due=NOW))
    given(*history).when(task.become_due, 3).then(expired(4))


def test_a_retry_does_not_expire() -> None:
    first = (submitted(expires_at=NOW), *RETRYING[1:])
    given(*first).when(task.become_due, 6).then(assigned(7, 2))


def test_the_state_says_what_a_task_waits_for() -> None:
    state = task.fold(None, SCHEDULED)
    assert state is not None
    assert (state.due, state.timer) == (LATER, 3)
    state = task.fold(state, [assigned(4)])
    assert state is not None
    assert (state.due, state.timer) == (None, None)
