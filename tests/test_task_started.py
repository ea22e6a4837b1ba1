from callboard.events import task
from tests.support.scenario import given
from tests.support.task_story import (
    QUEUED,
    RUNNING,
    assigned,
    attempt_failed,
    cancelled,
    completed,
    progressed,
    started,
    submitted,
)


def test_a_queued_task_starts() -> None:
    given(*QUEUED).when(task.start, 1, "worker-1").then(started())


def test_the_second_attempt_starts() -> None:
    given(*RUNNING, attempt_failed(5), assigned(6, 2)).when(task.start, 2, "worker-2").then(
        started(7, 2, worker="worker-2")
    )


def test_an_attempt_that_is_over_does_not_start_again() -> None:
    given(*RUNNING, attempt_failed(5), assigned(6, 2)).when(task.start, 1, "worker-1").then_nothing()


def test_a_running_task_does_not_start_twice() -> None:
    given(*RUNNING).when(task.start, 1, "worker-2").then_nothing()


def test_a_cancelled_task_does_not_start() -> None:
    given(*QUEUED, cancelled(4)).when(task.start, 1, "worker-1").then_nothing()


def test_a_completed_task_does_not_start() -> None:
    given(*RUNNING, completed()).when(task.start, 1, "worker-1").then_nothing()


def test_a_task_that_is_in_no_queue_does_not_start() -> None:
    given().when(task.start, 1, "worker-1").then_nothing()
    given(submitted()).when(task.start, 1, "worker-1").then_nothing()


def test_a_new_attempt_begins_without_progress() -> None:
    history = (*RUNNING, progressed(5, fraction=0.5), attempt_failed(6), assigned(7, 2), started(8, 2))
    state = task.fold(None, history)
    assert state is not None
    assert state.progress == (None, None)
