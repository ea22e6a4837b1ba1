from typing import Any

import pytest

from callboard.events import task
from callboard.events.task import MAX_TEXT, Route
from callboard.events.task_events import TaskError, TaskEvent
from tests.support.scenario import given
from tests.support.task_story import (
    AGAIN,
    BLOCKED,
    FAILED,
    LATER,
    LOG,
    NOW,
    OOPS,
    QUEUED,
    ROUTE,
    RUNNING,
    SCHEDULED,
    archived,
    assigned,
    attempt_failed,
    blocked,
    cancelled,
    completed,
    delivered,
    expired,
    failed,
    retried,
    routed,
    started,
    submitted,
)

NOBODY = Route(agent=None, reason="nobody takes it")
HOMELESS = (submitted(max_attempts=2), failed(2, error=TaskError("NoRoute", "nobody takes it"), attempts=0))


@pytest.mark.parametrize(
    "history",
    [FAILED, (*QUEUED, cancelled(4)), (*RUNNING, cancelled(5)), (*QUEUED, expired(4)), (*SCHEDULED, cancelled(4))],
)
def test_a_task_that_failed_expired_or_was_cancelled_goes_back_to_its_agents_queue(
    history: tuple[TaskEvent, ...],
) -> None:
    last = len(history)
    given(*history).when(task.retry, None).then(retried(last + 1), assigned(last + 2, life=2))


def test_who_asked_and_why_is_recorded() -> None:
    given(*FAILED).when(task.retry, None, reason="the bank is back", by="commands-8").then(
        retried(reason="the bank is back", by="commands-8"), assigned(8, life=2)
    )


def test_a_reason_of_any_kind_can_be_stored() -> None:
    given(*FAILED).when(task.retry, None, reason="\udcff" + "x" * 100_000).then(
        retried(reason="?" + "x" * (MAX_TEXT - 2) + "…"), assigned(8, life=2)
    )


def test_the_new_life_keeps_agent_priority_and_limit() -> None:
    queue: dict[str, Any] = {"agent": "mail", "priority": "low", "max_attempts": 1}
    history = (submitted(priority=8), routed(agent="mail", max_attempts=1), assigned(**queue), started())
    given(*history, attempt_failed(), failed()).when(task.retry, None).then(retried(), assigned(8, life=2, **queue))


def test_the_new_life_has_all_attempts_again() -> None:
    running = (*AGAIN, started(9))
    given(*running).when(task.fail_attempt, 1, OOPS, retryable=True, life=2).then(
        attempt_failed(10), assigned(11, 2, life=2)
    )
    second = (*running, attempt_failed(10), assigned(11, 2, life=2), started(12, 2))
    third = (*second, attempt_failed(13, 2), assigned(14, 3, life=2), started(15, 3))
    given(*third).when(task.fail_attempt, 3, OOPS, retryable=True, life=2).then(
        attempt_failed(16, 3), failed(17, attempts=3)
    )


def test_what_was_released_in_the_life_before_is_forgotten() -> None:
    released = (*RUNNING, attempt_failed(5, released=True), assigned(6, 2), started(7, 2), cancelled(8))
    running = (*released, retried(9), assigned(10, life=2, max_attempts=1), started(11))
    given(*running).when(task.fail_attempt, 1, OOPS, retryable=True, life=2).then(attempt_failed(12), failed(13))


def test_the_new_life_waits_for_dependencies_again() -> None:
    given(*BLOCKED, failed(4)).when(task.retry, None).then(retried(5), blocked(6))


def test_the_new_life_waits_for_no_time() -> None:
    history = (submitted(scheduled_for=LATER, expires_at=NOW), *SCHEDULED[1:], expired(4))
    given(*history).when(task.retry, None).then(retried(5), assigned(6, life=2))


def test_a_task_that_had_found_no_agent_takes_the_route_it_finds_now() -> None:
    found = Route(agent="mail", reason="asked for by name", confidence=1.0, max_attempts=7)
    given(*HOMELESS).when(task.retry, found).then(
        retried(3), routed(4, agent="mail", max_attempts=7), assigned(5, agent="mail", max_attempts=2, life=2)
    )


def test_a_task_that_had_found_no_agent_waits_for_its_dependencies_too() -> None:
    history = (submitted(depends_on=["first"]), HOMELESS[1])
    given(*history).when(task.retry, ROUTE).then(retried(3), routed(4), blocked(5, "first"))


def test_a_task_that_finds_no_agent_once_more_stays_failed() -> None:
    for route in (None, NOBODY):
        given(*HOMELESS).when(task.retry, route).then_nothing()


def test_a_task_that_has_an_agent_keeps_it() -> None:
    for route in (NOBODY, Route(agent="mail", reason="matched keywords")):
        given(*FAILED).when(task.retry, route).then(retried(), assigned(8, life=2))


@pytest.mark.parametrize(
    "history", [(), QUEUED, BLOCKED, SCHEDULED, RUNNING, (*RUNNING, completed()), AGAIN, (*FAILED, archived(7))]
)
def test_no_other_task_gets_a_new_life(history: tuple[TaskEvent, ...]) -> None:
    given(*history).when(task.retry, None).then_nothing()


def test_a_command_is_heard_once_whatever_comes_after() -> None:
    second = (*FAILED, retried(by="commands-8"), assigned(8, life=2))
    given(*second, cancelled(9)).when(task.retry, None, by="commands-8").then_nothing()
    given(*second, cancelled(9)).when(task.retry, None, by="commands-9").then(
        retried(10, by="commands-9"), assigned(11, life=3)
    )


def test_whether_a_task_may_be_retried_can_be_asked() -> None:
    def may(*history: TaskEvent) -> bool:
        state = task.fold(None, history)
        assert state is not None
        return task.may_retry(state)

    assert may(*FAILED)
    assert may(*QUEUED, cancelled(4))
    assert may(*QUEUED, expired(4))
    assert not any(may(*history) for history in (QUEUED, (*RUNNING, completed()), AGAIN, (*FAILED, archived(7))))


def test_a_new_life_begins_with_nothing_of_the_one_before() -> None:
    asked = (submitted(delivery=[LOG]), *FAILED[1:], delivered(7))
    fresh = task.fold(None, [*asked, retried(8)])
    assert fresh is not None
    assert (fresh.status, fresh.life, fresh.attempt, fresh.released, fresh.due, fresh.timer) == (
        "scheduled", 2, 0, 0, None, None,
    )  # fmt: skip
    assert (fresh.started_at, fresh.worker, fresh.finished, fresh.progress) == (None, None, None, (None, None))
    assert [(entry.attempts, entry.over) for entry in fresh.deliveries] == [(0, False)]
