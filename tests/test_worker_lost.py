"""An attempt whose worker is gone: it counts, the next one waits its turn, and the last one says how it went."""

from datetime import timedelta

import pytest

from callboard.actors.backoff import Backoff
from callboard.actors.worker_lost import worker_lost
from callboard.events import task
from callboard.events.task import TaskState, fold
from callboard.events.task_events import Assigned, AttemptFailed, Failed, Scheduled, TaskError, TaskEvent
from tests.support.task_story import ID, LATER, NOW, ROUTE, submission

AT_ONCE = Backoff(base_seconds=0)


def started(state: TaskState | None) -> TaskState:
    assert state is not None
    after = fold(state, task.start(state, state.attempt, "worker-1", NOW, life=state.life))
    assert after is not None
    assert after.status == "running"
    return after


def submitted(max_attempts: int) -> TaskState:
    return started(fold(None, task.submit(None, ID, submission(max_attempts=max_attempts), ROUTE, NOW)))


def lost(state: TaskState, times: int) -> tuple[TaskState | None, list[TaskEvent]]:
    """Lose that many attempts in a row; return the state and the events of the last loss."""
    for _ in range(times - 1):
        state = started(fold(state, worker_lost(state, NOW, AT_ONCE, 0.5)))
    events = worker_lost(state, NOW, AT_ONCE, 0.5)
    return fold(state, events), events


def test_the_next_attempt_follows_and_the_loss_is_on_record() -> None:
    _, (failed, assigned) = lost(submitted(3), 1)

    assert isinstance(failed, AttemptFailed)
    message = "the worker that ran attempt 1 of 3 went away before it ended"
    assert (failed.error, failed.retryable, failed.released) == (TaskError("WorkerLost", message), True, False)
    assert isinstance(assigned, Assigned)
    assert assigned.attempt == 2


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_it_follows_after_a_pause_as_after_any_failure(share: float) -> None:
    state = submitted(3)

    _, scheduled = worker_lost(state, NOW, Backoff(10), share)

    assert isinstance(scheduled, Scheduled)
    assert scheduled.due == NOW + timedelta(seconds=10 * share)
    assert scheduled.why == "retry"


def test_the_pause_grows_with_each_loss() -> None:
    state, _ = lost(submitted(5), 2)

    _, scheduled = worker_lost(started(state), NOW, Backoff(10), 1.0)

    assert isinstance(scheduled, Scheduled)
    assert scheduled.due == NOW + timedelta(seconds=40)


def test_a_task_that_ends_its_worker_every_time_fails_and_says_so() -> None:
    state, (_, failed) = lost(submitted(3), 3)

    assert isinstance(failed, Failed)
    assert (failed.error.type, failed.attempts) == ("WorkerLost", 3)
    assert failed.error.message == (
        "the worker that ran attempt 3 of 3 went away before it ended: 3 of 3 attempts ended so, "
        "it may be the task that ends its worker"
    )
    assert state is not None
    assert state.status == "failed"


def test_of_several_ends_only_the_losses_are_counted() -> None:
    state = submitted(2)
    oops = task.fail_attempt(state, 1, TaskError("ValueError", "oops"), NOW, retryable=True)

    _, (_, failed) = lost(started(fold(state, oops)), 1)

    assert isinstance(failed, Failed)
    assert "1 of 2 attempts ended so" in failed.error.message


def test_attempts_handed_back_do_not_count() -> None:
    state = submitted(1)

    _, (_, failed) = lost(started(fold(state, task.release(state, 1, "the worker stops", NOW))), 1)

    assert isinstance(failed, Failed)
    assert failed.attempts == 1
    assert "attempt 1 of 1" in failed.error.message


def test_in_a_new_life_the_count_begins_anew() -> None:
    state, _ = lost(submitted(2), 2)

    revived = started(fold(state, task.retry(state, None, LATER)))

    assert revived.lost == 0
    assert "attempt 1 of 2" in worker_lost(revived, LATER, AT_ONCE, 1)[0].error.message  # type: ignore[attr-defined]
