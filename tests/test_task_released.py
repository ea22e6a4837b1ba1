from callboard.events import task
from callboard.events.task_events import TaskError
from tests.support.scenario import given
from tests.support.task_story import OOPS, QUEUED, RUNNING, assigned, attempt_failed, completed, failed, started

STOPPING = TaskError("Released", "the worker stops")


def test_a_released_attempt_goes_back_to_the_queue() -> None:
    given(*RUNNING).when(task.release, 1, "the worker stops").then(
        attempt_failed(5, error=STOPPING, released=True), assigned(6, 2)
    )


def test_a_released_attempt_does_not_use_up_the_limit() -> None:
    once = (
        *QUEUED[:2],
        assigned(max_attempts=1),
        started(),
        attempt_failed(5, error=STOPPING, released=True),
        assigned(6, 2, max_attempts=1),
        started(7, 2),
    )
    given(*once).when(task.release, 2, "the worker stops").then(
        attempt_failed(8, 2, error=STOPPING, released=True), assigned(9, 3, max_attempts=1)
    )
    given(*once).when(task.fail_attempt, 2, OOPS, retryable=True).then(attempt_failed(8, 2), failed(9, attempts=1))


def test_only_a_running_attempt_is_released() -> None:
    for history in ((), QUEUED, (*RUNNING, completed()), (*RUNNING, attempt_failed(5), assigned(6, 2))):
        given(*history).when(task.release, 1, "the worker stops").then_nothing()
