import pytest

from callboard.events import task
from callboard.events.task_events import TaskEvent
from tests.support.scenario import given
from tests.support.task_story import (
    QUEUED,
    RUNNING,
    assigned,
    attempt_failed,
    cancelled,
    completed,
    failed,
    progressed,
    submitted,
)


@pytest.mark.parametrize(
    "history",
    [
        (submitted(),),
        QUEUED,
        RUNNING,
        (*RUNNING, progressed(fraction=0.5)),
        (*RUNNING, attempt_failed(5), assigned(6, 2)),
    ],
)
def test_a_task_can_be_called_off_until_it_has_ended(history: tuple[TaskEvent, ...]) -> None:
    given(*history).when(task.cancel, "not needed").then(cancelled(len(history) + 1, reason="not needed"))


def test_a_reason_is_not_required() -> None:
    given(*QUEUED).when(task.cancel, None).then(cancelled(4))


@pytest.mark.parametrize("end", [(completed(5),), (attempt_failed(5), failed(6)), (cancelled(5),)])
def test_a_task_that_has_ended_stays_as_it_is(end: tuple[TaskEvent, ...]) -> None:
    given(*RUNNING, *end).when(task.cancel, "too late").then_nothing()


def test_a_task_that_never_was_cannot_be_called_off() -> None:
    given().when(task.cancel, "who?").then_nothing()
