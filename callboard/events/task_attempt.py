"""Decisions about one attempt: it starts, reports, and comes to something or to nothing.

Each names the attempt it is about, by its number and the task's ``life``. What an attempt reports that is no longer the
current one is dropped.
"""

import math
from datetime import datetime, timedelta
from typing import Final, TypeGuard

from msgspec import Raw

from callboard.events.task_admission import assignment
from callboard.events.task_chain import Chain, fit, fit_with_traceback, text
from callboard.events.task_events import (
    Assigned,
    AttemptFailed,
    Completed,
    Expired,
    Failed,
    Progressed,
    Scheduled,
    Started,
    TaskError,
    TaskEvent,
)
from callboard.events.task_state import TaskState
from callboard.events.task_waiting import is_overdue

RETRY: Final = "retry"
RELEASED: Final = "Released"


def start(state: TaskState | None, attempt: int, worker: str, now: datetime, *, life: int = 1) -> list[TaskEvent]:
    """Take a task out of its queue, or let it expire; nothing when that attempt is no longer the one that waits."""
    if state is None or state.status != "assigned" or (state.life, state.attempt) != (life, attempt):
        return []
    if is_overdue(state, now):
        return Chain.after(state, now).add(Expired).events
    return Chain.after(state, now).add(Started, worker=worker, attempt=attempt).events


def progress(
    state: TaskState | None, attempt: int, fraction: float | None, note: str | None, now: datetime, *, life: int = 1
) -> list[TaskEvent]:
    """Record how far a running attempt is, as a fraction of 0-1; the same report again is not news."""
    report = (_fraction(fraction), None if note is None else text(note))
    if not _runs(state, attempt, life) or report == state.progress:
        return []
    return Chain.after(state, now).add(Progressed, fraction=report[0], note=report[1]).events


def complete(state: TaskState | None, attempt: int, output: Raw, now: datetime, *, life: int = 1) -> list[TaskEvent]:
    """Record the result of a running attempt; the result of any other attempt is dropped."""
    if not _runs(state, attempt, life):
        return []
    return Chain.after(state, now).add(Completed, output=output, duration_ms=elapsed_ms(state.started_at, now)).events


def fail_attempt(
    state: TaskState | None,
    attempt: int,
    error: TaskError,
    now: datetime,
    *,
    retryable: bool,
    life: int = 1,
    delay_seconds: float = 0.0,
) -> list[TaskEvent]:
    """Record that a running attempt failed; while attempts are left and it may be retried, another follows.

    It follows after ``delay_seconds``, at once for 0.
    """
    if not _runs(state, attempt, life):
        return []
    chain = Chain.after(state, now)
    chain.add(AttemptFailed, error=fit_with_traceback(error), attempt=attempt, retryable=retryable)
    attempts = attempt - state.released
    if not retryable or attempts >= state.max_attempts:
        return chain.add(Failed, error=fit(error), attempts=attempts).events
    if delay_seconds > 0:
        return chain.add(Scheduled, due=_after(now, delay_seconds), why=RETRY).events
    return chain.add(Assigned, **assignment(state, life=life, attempt=attempt + 1)).events


def release(state: TaskState | None, attempt: int, reason: str, now: datetime, *, life: int = 1) -> list[TaskEvent]:
    """Hand a running attempt back to the queue because its worker stops; it does not count as an attempt."""
    if not _runs(state, attempt, life):
        return []
    error = fit(TaskError(RELEASED, reason))
    chain = Chain.after(state, now).add(AttemptFailed, error=error, attempt=attempt, retryable=True, released=True)
    return chain.add(Assigned, **assignment(state, life=life, attempt=attempt + 1)).events


def elapsed_ms(since: datetime | None, now: datetime) -> float:
    """Return the milliseconds from ``since`` to ``now``, never below 0 (clocks step back); 0 when it never began."""
    return 0.0 if since is None else max(0.0, round((now - since).total_seconds() * 1000, 3))


def _after(now: datetime, seconds: float) -> datetime:
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=now.tzinfo)


def _fraction(fraction: float | None) -> float | None:
    return None if fraction is None or math.isnan(fraction) else min(1.0, max(0.0, fraction))


def _runs(state: TaskState | None, attempt: int, life: int) -> TypeGuard[TaskState]:
    return state is not None and state.status == "running" and (state.life, state.attempt) == (life, attempt)
