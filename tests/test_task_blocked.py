from datetime import timedelta
from typing import Any

import pytest

from callboard.events import task
from callboard.events.task_events import TaskError, TaskEvent
from tests.support.scenario import given
from tests.support.task_story import (
    AGAIN,
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
    blocked,
    cancelled,
    expired,
    failed,
    retried,
    routed,
    scheduled,
    submission,
    submitted,
    unblocked,
)

LOST = TaskError("DependencyFailed", "dependency first failed: no such invoice")


def waiting(**fields: Any) -> tuple[TaskEvent, ...]:
    """A blocked task whose submission has these fields too."""
    return submitted(depends_on=["first", "second"], **fields), *BLOCKED[1:]


def test_a_task_that_depends_on_others_is_blocked() -> None:
    given().when(task.submit, ID, submission(depends_on=["first", "second"]), ROUTE).then(*BLOCKED)


def test_each_dependency_is_waited_for_once() -> None:
    twice = ["second", "first", "second"]
    given().when(task.submit, ID, submission(depends_on=twice), ROUTE).then(
        submitted(depends_on=twice), routed(), blocked(3, "second", "first")
    )
    state = task.fold(None, [submitted(depends_on=twice)])
    assert state is not None
    assert task.dependencies(state) == ["second", "first"]


def test_dependencies_are_waited_for_before_the_time_and_whatever_the_time() -> None:
    for fields in ({"scheduled_for": LATER}, {"expires_at": START}):
        given().when(task.submit, ID, submission(depends_on=["first", "second"], **fields), ROUTE).then(
            *waiting(**fields)
        )


def test_a_task_whose_dependencies_are_completed_goes_into_its_agents_queue() -> None:
    given(*BLOCKED).when(task.unblock).then(unblocked(), assigned(5))


def test_the_queue_is_that_of_the_route_with_its_priority_and_limit() -> None:
    history = (submitted(depends_on=["first"], priority=8), routed(agent="mail", max_attempts=7), blocked(3, "first"))
    given(*history).when(task.unblock).then(
        unblocked(4, "first"), assigned(5, agent="mail", priority="low", max_attempts=7)
    )


def test_a_task_that_is_unblocked_before_its_time_waits_for_it() -> None:
    given(*waiting(scheduled_for=LATER)).when(task.unblock).then(unblocked(), scheduled(5))


def test_a_task_that_is_unblocked_after_its_time_does_not_wait() -> None:
    given(*waiting(scheduled_for=NOW)).when(task.unblock).then(unblocked(), assigned(5))


def test_a_task_that_is_unblocked_too_late_expires() -> None:
    given(*waiting(expires_at=NOW)).when(task.unblock).then(unblocked(), expired(5))
    given(*waiting(expires_at=NOW + timedelta(microseconds=1))).when(task.unblock).then(unblocked(), assigned(5))


def test_in_a_new_life_neither_its_time_nor_its_expiry_counts() -> None:
    first = waiting(scheduled_for=LATER, expires_at=NOW)
    given(*first, expired(4), retried(5), blocked(6)).when(task.unblock).then(unblocked(7), assigned(8, life=2))


def test_a_task_whose_dependency_ends_otherwise_fails_with_the_cause() -> None:
    given(*BLOCKED).when(task.fail_blocked, LOST).then(failed(4, error=LOST, attempts=0))


def test_a_cause_that_json_cannot_hold_is_made_fit() -> None:
    given(*BLOCKED).when(task.fail_blocked, TaskError("DependencyFailed", "\udcff")).then(
        failed(4, error=TaskError("DependencyFailed", "?"), attempts=0)
    )


@pytest.mark.parametrize(
    "history",
    [(), QUEUED, SCHEDULED, RUNNING, FAILED, AGAIN, (*BLOCKED, unblocked(), assigned(5)), (*BLOCKED, cancelled(4))],
)
def test_a_task_that_is_not_blocked_is_neither_unblocked_nor_failed(history: tuple[TaskEvent, ...]) -> None:
    given(*history).when(task.unblock).then_nothing()
    given(*history).when(task.fail_blocked, LOST).then_nothing()
