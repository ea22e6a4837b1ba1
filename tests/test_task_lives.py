"""What an earlier life left behind changes nothing in a later one, although attempts are counted from 1 again."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from callboard.events import task
from callboard.events.task import TaskState
from callboard.events.task_events import TaskEvent
from tests.support.scenario import given
from tests.support.task_story import (
    AGAIN,
    FAILED,
    LOG,
    OOPS,
    OUTPUT,
    QUEUED,
    assigned,
    attempt_failed,
    completed,
    delivered,
    delivery_failed,
    expired,
    failed,
    progressed,
    retried,
    started,
    submitted,
)

SECOND = (*AGAIN, started(9))
ASKED = (submitted(delivery=[LOG]), *FAILED[1:])
DONE = (*ASKED, retried(), assigned(8, life=2), started(9), completed(10))
Report = Callable[..., list[TaskEvent]]


def reports(attempt: int) -> dict[str, Report]:
    """What the worker of that attempt may have to say."""
    return {
        "progress": partial(task.progress, attempt=attempt, fraction=0.5, note=None),
        "complete": partial(task.complete, attempt=attempt, output=OUTPUT),
        "fail_attempt": partial(task.fail_attempt, attempt=attempt, error=OOPS, retryable=True),
        "release": partial(task.release, attempt=attempt, reason="the worker stops"),
    }


@pytest.mark.parametrize("report", reports(1).values(), ids=reports(1).keys())
def test_what_a_worker_of_an_earlier_life_reports_is_dropped(report: Report) -> None:
    given(*SECOND).when(report, life=1).then_nothing()
    given(*SECOND).when(report, life=3).then_nothing()
    new = report(task.fold(None, SECOND), life=2, now=SECOND[0].at)
    assert new


def test_a_message_of_an_earlier_life_starts_nothing() -> None:
    given(*AGAIN).when(task.start, 1, "worker-1", life=1).then_nothing()
    given(*AGAIN).when(task.start, 1, "worker-1", life=2).then(started(9))


def test_the_worker_of_this_life_is_heard() -> None:
    given(*SECOND).when(task.progress, 1, 0.5, None, life=2).then(progressed(10, fraction=0.5))
    given(*SECOND).when(task.complete, 1, OUTPUT, life=2).then(completed(10))
    given(*SECOND).when(task.fail_attempt, 1, OOPS, retryable=False, life=2).then(
        attempt_failed(10, retryable=False), failed(11)
    )


def test_an_attempt_that_is_released_stays_in_its_life() -> None:
    new = task.release(task.fold(None, SECOND), 1, "the worker stops", SECOND[0].at, life=2)
    assert new[-1] == assigned(11, 2, life=2)


def test_the_end_of_each_life_is_delivered() -> None:
    given(*DONE).when(task.deliver, 0, 1, None, life=2).then(delivered(11))
    given(*DONE).when(task.fail_delivery, 0, 1, OOPS, final=True, life=2).then(delivery_failed(11, final=True))


def test_a_delivery_of_an_earlier_life_says_nothing_about_this_one() -> None:
    for life in (1, 3):
        given(*DONE).when(task.deliver, 0, 1, None, life=life).then_nothing()
        given(*DONE).when(task.fail_delivery, 0, 1, OOPS, final=True, life=life).then_nothing()


def test_a_delivery_under_way_when_the_task_was_retried_is_dropped() -> None:
    given(*ASKED, delivery_failed(7), retried(8), assigned(9, life=2)).when(task.deliver, 0, 2, None).then_nothing()


@pytest.mark.parametrize("lives", [1, 2, 3])
def test_lives_are_counted(lives: int) -> None:
    history: list[Any] = [*QUEUED, expired(4)]
    for life in range(2, lives + 1):
        version = len(history) + 1
        history += [retried(version), assigned(version + 1, life=life), expired(version + 2)]
    state: TaskState | None = task.fold(None, history)
    assert state is not None
    assert state.life == lives
