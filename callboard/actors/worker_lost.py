"""What follows when the worker of a running attempt is gone."""

from datetime import datetime

from callboard.actors.backoff import Backoff
from callboard.events import task
from callboard.events.task import TaskState
from callboard.events.task_events import TaskError, TaskEvent
from callboard.events.task_state import WORKER_LOST


def worker_lost(state: TaskState, now: datetime, backoff: Backoff, share: float) -> list[TaskEvent]:
    """Record that the running attempt was lost: it counts, and the next follows after a pause as after any failure.

    ``share``, 0-1, is what chance says about the pause. The error of the last attempt says how many were lost.
    """
    failures = state.attempt - state.released
    return task.fail_attempt(
        state,
        state.attempt,
        TaskError(WORKER_LOST, _message(failures, state)),
        now,
        retryable=True,
        life=state.life,
        delay_seconds=backoff.seconds(failures, share),
    )


def _message(failures: int, state: TaskState) -> str:
    message = f"the worker that ran attempt {failures} of {state.max_attempts} went away before it ended"
    if failures < state.max_attempts:
        return message
    return f"{message}: {state.lost + 1} of {failures} attempts ended so, it may be the task that ends its worker"
