from datetime import timedelta

from callboard.events import task
from tests.support.scenario import given
from tests.support.task_story import (
    NOW,
    OUTPUT,
    QUEUED,
    RUNNING,
    START,
    assigned,
    attempt_failed,
    cancelled,
    completed,
    failed,
    progressed,
    started,
)


def test_the_result_of_the_running_attempt_completes_the_task() -> None:
    given(*RUNNING).when(task.complete, 1, OUTPUT).then(completed(output=OUTPUT, duration_ms=10_000.0))


def test_a_task_with_progress_completes() -> None:
    given(*RUNNING, progressed(fraction=0.5)).when(task.complete, 1, OUTPUT).then(completed(6))


def test_the_result_of_an_attempt_that_was_given_up_is_dropped() -> None:
    retried = (*RUNNING, attempt_failed(5), assigned(6, 2), started(7, 2))
    given(*retried).when(task.complete, 1, OUTPUT).then_nothing()
    given(*retried).when(task.complete, 2, OUTPUT).then(completed(8))


def test_an_attempt_that_failed_does_not_complete_before_the_next_one_is_queued() -> None:
    given(*RUNNING, attempt_failed(5)).when(task.complete, 1, OUTPUT).then_nothing()


def test_a_task_that_is_not_running_does_not_complete() -> None:
    given().when(task.complete, 1, OUTPUT).then_nothing()
    given(*QUEUED).when(task.complete, 1, OUTPUT).then_nothing()
    given(*RUNNING, cancelled(5)).when(task.complete, 1, OUTPUT).then_nothing()
    given(*RUNNING, attempt_failed(5), failed(6)).when(task.complete, 1, OUTPUT).then_nothing()


def test_a_clock_that_stepped_back_gives_no_negative_duration() -> None:
    assert task.elapsed_ms(NOW, START) == 0.0
    assert task.elapsed_ms(START, START + timedelta(microseconds=1_234)) == 1.234
    assert task.elapsed_ms(None, NOW) == 0.0
