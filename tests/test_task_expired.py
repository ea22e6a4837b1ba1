from datetime import timedelta
from typing import Any

import pytest

from callboard.events import task
from callboard.events.task_events import TaskEvent
from tests.support.scenario import given
from tests.support.task_story import (
    AGAIN,
    BLOCKED,
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
    completed,
    expired,
    routed,
    scheduled,
    submission,
    submitted,
)

WAITING = {"blocked": BLOCKED, "scheduled": SCHEDULED, "assigned": QUEUED}


def until(moment: Any, history: tuple[TaskEvent, ...]) -> tuple[TaskEvent, ...]:
    """The same history, of a task that expires at ``moment``."""
    return submitted(expires_at=moment), *history[1:]


def test_a_task_that_comes_too_late_expires_at_once() -> None:
    for moment in (START, NOW):
        given().when(task.submit, ID, submission(expires_at=moment), ROUTE).then(
            submitted(expires_at=moment), routed(), expired(3)
        )


def test_a_task_that_comes_in_time_does_not() -> None:
    given().when(task.submit, ID, submission(expires_at=LATER), ROUTE).then(
        submitted(expires_at=LATER), routed(), assigned()
    )


@pytest.mark.parametrize("history", WAITING.values(), ids=WAITING.keys())
def test_a_task_that_still_waits_expires(history: tuple[TaskEvent, ...]) -> None:
    given(*until(NOW, history)).when(task.expire).then(expired(4))


@pytest.mark.parametrize("history", WAITING.values(), ids=WAITING.keys())
def test_no_task_expires_before_its_time_or_without_one(history: tuple[TaskEvent, ...]) -> None:
    given(*until(NOW + timedelta(microseconds=1), history)).when(task.expire).then_nothing()
    given(*until(None, history)).when(task.expire).then_nothing()


def test_a_task_that_was_started_in_time_does_not_expire_any_more() -> None:
    for more in ((), (attempt_failed(), assigned(6, 2)), (attempt_failed(), scheduled(6, why="retry")), (completed(),)):
        given(*until(NOW, RUNNING), *more).when(task.expire).then_nothing()


def test_a_task_that_has_ended_does_not_expire() -> None:
    given(*until(NOW, QUEUED), cancelled(4)).when(task.expire).then_nothing()
    given().when(task.expire).then_nothing()


def test_a_new_life_does_not_expire() -> None:
    given(*until(NOW, AGAIN)).when(task.expire).then_nothing()


def test_an_overdue_task_expires_where_it_would_start() -> None:
    given(*until(NOW, QUEUED)).when(task.start, 1, "worker-1").then(expired(4))


def test_the_state_says_when_a_task_expires() -> None:
    def expiry(*history: TaskEvent) -> Any:
        state = task.fold(None, history)
        assert state is not None
        return task.expiry(state)

    for history in WAITING.values():
        assert expiry(*until(LATER, history)) == LATER
    for other in (RUNNING, (*RUNNING, attempt_failed(), assigned(6, 2)), (*QUEUED, cancelled(4)), AGAIN):
        assert expiry(*until(LATER, other)) is None
    assert expiry(*QUEUED) is None
