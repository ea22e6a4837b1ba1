import pytest

from callboard.events import task
from callboard.events.task_events import TaskEvent
from tests.support.scenario import given
from tests.support.task_story import (
    AGAIN,
    BLOCKED,
    QUEUED,
    RUNNING,
    SCHEDULED,
    assigned,
    attempt_failed,
    cancelled,
    completed,
    expired,
    failed,
    progressed,
    retried,
    scheduled,
    submitted,
)


@pytest.mark.parametrize(
    "history",
    [
        (submitted(),),
        BLOCKED,
        SCHEDULED,
        QUEUED,
        RUNNING,
        (*RUNNING, progressed(fraction=0.5)),
        (*RUNNING, attempt_failed(5), assigned(6, 2)),
        (*RUNNING, attempt_failed(5), scheduled(6, why="retry")),
        AGAIN,
    ],
)
def test_a_task_can_be_called_off_until_it_has_ended(history: tuple[TaskEvent, ...]) -> None:
    given(*history).when(task.cancel, "not needed").then(cancelled(len(history) + 1, reason="not needed"))


def test_a_reason_is_not_required() -> None:
    given(*QUEUED).when(task.cancel, None).then(cancelled(4))


@pytest.mark.parametrize(
    "history",
    [
        (*RUNNING, completed()),
        (*RUNNING, attempt_failed(), failed()),
        (*RUNNING, cancelled(5)),
        (*QUEUED, expired(4)),
    ],
)
def test_a_task_that_has_ended_stays_as_it_is(history: tuple[TaskEvent, ...]) -> None:
    given(*history).when(task.cancel, "too late").then_nothing()


def test_a_task_that_never_was_cannot_be_called_off() -> None:
    given().when(task.cancel, "who?").then_nothing()


def test_the_command_that_calls_a_task_off_is_heard_once_whatever_comes_after() -> None:
    given(*QUEUED).when(task.cancel, None, by="commands-7").then(cancelled(4, by="commands-7"))
    again = (*QUEUED, cancelled(4, by="commands-7"), retried(5), assigned(6, life=2))
    given(*again).when(task.cancel, None, by="commands-7").then_nothing()
    given(*again).when(task.cancel, None, by="commands-9").then(cancelled(7, by="commands-9"))
    given(*again).when(task.cancel, None).then(cancelled(7))
