import pytest

from callboard.events import task
from callboard.events.task_events import TaskEvent
from tests.support.scenario import given
from tests.support.task_story import (
    AGAIN,
    BLOCKED,
    FAILED,
    HOOK,
    LOG,
    QUEUED,
    RUNNING,
    SCHEDULED,
    archived,
    cancelled,
    completed,
    delivered,
    delivery_failed,
    expired,
    submitted,
)

ASKED = (submitted(delivery=[LOG, HOOK]), *RUNNING[1:])


@pytest.mark.parametrize(
    "history",
    [
        (*RUNNING, completed()),
        FAILED,
        (*QUEUED, cancelled(4)),
        (*QUEUED, expired(4)),
        (*ASKED, cancelled(5)),
        (*ASKED, completed(), delivered(), delivery_failed(7, 1, channel="webhook", final=True)),
    ],
)
def test_a_task_that_is_over_leaves_the_views(history: tuple[TaskEvent, ...]) -> None:
    given(*history).when(task.archive).then(archived(len(history) + 1))


@pytest.mark.parametrize("more", [(), (delivered(),), (delivered(), delivery_failed(7, 1, channel="webhook"))])
def test_a_task_stays_until_its_result_is_delivered_or_given_up(more: tuple[TaskEvent, ...]) -> None:
    given(*ASKED, completed(), *more).when(task.archive).then_nothing()


@pytest.mark.parametrize("history", [(), QUEUED, BLOCKED, SCHEDULED, RUNNING, AGAIN])
def test_a_task_that_has_not_ended_stays(history: tuple[TaskEvent, ...]) -> None:
    given(*history).when(task.archive).then_nothing()


def test_a_task_leaves_once() -> None:
    given(*FAILED, archived(7)).when(task.archive).then_nothing()
