from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callboard.events import task
from callboard.events.task import MAX_TEXT
from callboard.events.task_events import TaskError
from tests.support.scenario import given
from tests.support.task_story import (
    NOW,
    OOPS,
    QUEUED,
    RUNNING,
    assigned,
    attempt_failed,
    completed,
    failed,
    routed,
    scheduled,
    started,
    submitted,
)


def test_a_failed_attempt_is_followed_by_another() -> None:
    given(*RUNNING).when(task.fail_attempt, 1, OOPS, retryable=True).then(attempt_failed(5), assigned(6, 2))


def test_the_next_attempt_may_follow_after_a_while() -> None:
    given(*RUNNING).when(task.fail_attempt, 1, OOPS, retryable=True, delay_seconds=2.5).then(
        attempt_failed(5), scheduled(6, NOW + timedelta(seconds=2.5), "retry")
    )


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("-inf")])
def test_a_while_that_is_none_is_not_waited_for(seconds: float) -> None:
    given(*RUNNING).when(task.fail_attempt, 1, OOPS, retryable=True, delay_seconds=seconds).then(
        attempt_failed(5), assigned(6, 2)
    )


@pytest.mark.parametrize("seconds", [1e300, float("inf")])
def test_a_while_longer_than_time_ends_with_it(seconds: float) -> None:
    given(*RUNNING).when(task.fail_attempt, 1, OOPS, retryable=True, delay_seconds=seconds).then(
        attempt_failed(5), scheduled(6, datetime.max.replace(tzinfo=UTC), "retry")
    )


def test_the_last_attempt_and_one_in_vain_wait_for_nothing() -> None:
    once = (submitted(), routed(), assigned(max_attempts=1), started())
    given(*once).when(task.fail_attempt, 1, OOPS, retryable=True, delay_seconds=9).then(attempt_failed(5), failed(6))
    given(*RUNNING).when(task.fail_attempt, 1, OOPS, retryable=False, delay_seconds=9).then(
        attempt_failed(5, retryable=False), failed(6)
    )


def test_the_next_attempt_keeps_agent_priority_and_limit() -> None:
    queue: dict[str, Any] = {"agent": "mail", "priority": "low", "max_attempts": 9}
    history = (submitted(priority=8), routed(agent="mail"), assigned(**queue), started())
    given(*history).when(task.fail_attempt, 1, OOPS, retryable=True).then(attempt_failed(5), assigned(6, 2, **queue))


def test_the_last_attempt_fails_the_task() -> None:
    history = (submitted(), routed(), assigned(max_attempts=1), started())
    given(*history).when(task.fail_attempt, 1, OOPS, retryable=True).then(attempt_failed(5), failed(6, attempts=1))


def test_attempts_are_counted_up_to_the_limit() -> None:
    second = (*RUNNING, attempt_failed(5), assigned(6, 2), started(7, 2))
    third = (*second, attempt_failed(8, 2), assigned(9, 3), started(10, 3))
    given(*second).when(task.fail_attempt, 2, OOPS, retryable=True).then(attempt_failed(8, 2), assigned(9, 3))
    given(*third).when(task.fail_attempt, 3, OOPS, retryable=True).then(attempt_failed(11, 3), failed(12, attempts=3))


def test_an_error_that_will_not_go_away_fails_the_task_at_once() -> None:
    given(*RUNNING).when(task.fail_attempt, 1, OOPS, retryable=False).then(
        attempt_failed(5, retryable=False), failed(6, attempts=1)
    )


def test_the_failure_of_another_attempt_is_dropped() -> None:
    given(*RUNNING).when(task.fail_attempt, 2, OOPS, retryable=True).then_nothing()
    given(*RUNNING, attempt_failed(5), assigned(6, 2)).when(task.fail_attempt, 1, OOPS, retryable=True).then_nothing()


def test_a_task_that_is_not_running_does_not_fail() -> None:
    for history in ((), QUEUED, (*RUNNING, completed())):
        given(*history).when(task.fail_attempt, 1, OOPS, retryable=True).then_nothing()


@pytest.mark.parametrize(
    ("message", "stored"),
    [
        ("bad byte \udcff in ü.txt", "bad byte ? in ü.txt"),
        ("x" * 100_000, "x" * (MAX_TEXT - 1) + "…"),
        ("nul \x00 is legal in JSON", "nul \x00 is legal in JSON"),
    ],
)
def test_whatever_an_exception_says_can_be_stored(message: str, stored: str) -> None:
    error = TaskError("ValueError", stored)
    given(*RUNNING).when(task.fail_attempt, 1, TaskError("ValueError", message), retryable=False).then(
        attempt_failed(5, error=error, retryable=False), failed(6, error=error)
    )


@pytest.mark.parametrize(
    ("trace", "stored"),
    [
        ("in pay\nin ask", "in pay\nin ask"),
        ("x" * MAX_TEXT, "x" * MAX_TEXT),
        ("begin" + "x" * 100_000 + "end", "…" + "x" * (MAX_TEXT - 4) + "end"),
        ("bad byte \udcff", "bad byte ?"),
    ],
)
def test_only_the_attempt_keeps_the_end_of_its_traceback(trace: str, stored: str) -> None:
    error = TaskError("ValueError", "no such invoice", trace)
    kept = TaskError("ValueError", "no such invoice", stored)
    given(*RUNNING).when(task.fail_attempt, 1, error, retryable=False).then(
        attempt_failed(5, error=kept, retryable=False), failed(6, error=OOPS)
    )
