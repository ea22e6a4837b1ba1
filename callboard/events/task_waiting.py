"""Decisions about a task that waits: for other tasks, for its time, or in vain."""

from datetime import UTC, datetime

from callboard.events.task_admission import REQUESTED, assignment
from callboard.events.task_chain import Chain, fit
from callboard.events.task_events import Assigned, Expired, Failed, Scheduled, TaskError, TaskEvent, Unblocked
from callboard.events.task_state import TaskState

WAITING = frozenset({"blocked", "scheduled", "assigned"})


def unblock(state: TaskState | None, now: datetime) -> list[TaskEvent]:
    """Let a blocked task go on: all it depends on is completed."""
    if state is None or state.status != "blocked":
        return []
    submitted = state.submitted
    chain = Chain.after(state, now).add(Unblocked, on=[] if submitted is None else dependencies(state))
    if is_overdue(state, now):
        return chain.add(Expired).events
    due = None if submitted is None or state.life > 1 else submitted.scheduled_for
    if due is not None and due > now:
        return chain.add(Scheduled, due=due.astimezone(UTC), why=REQUESTED).events
    return chain.add(Assigned, **assignment(state, life=state.life, attempt=1)).events


def fail_blocked(state: TaskState | None, error: TaskError, now: datetime) -> list[TaskEvent]:
    """Fail a blocked task: what it waits for will never be completed, and ``error`` says why."""
    if state is None or state.status != "blocked":
        return []
    return Chain.after(state, now).add(Failed, error=fit(error), attempts=0).events


def become_due(state: TaskState | None, timer: int, now: datetime) -> list[TaskEvent]:
    """Put a scheduled task into its queue, or let it expire; ``timer`` is the version of the event that scheduled it.

    The timer of an earlier version finds nothing to do.
    """
    if state is None or state.status != "scheduled" or state.timer != timer:
        return []
    chain = Chain.after(state, now)
    if is_overdue(state, now):
        return chain.add(Expired).events
    return chain.add(Assigned, **assignment(state, life=state.life, attempt=state.attempt + 1)).events


def expire(state: TaskState | None, now: datetime) -> list[TaskEvent]:
    """Let a task expire that was not started by its ``expires_at``."""
    if state is None or state.status not in WAITING or not is_overdue(state, now):
        return []
    return Chain.after(state, now).add(Expired).events


def is_overdue(state: TaskState, now: datetime) -> bool:
    """Tell whether ``state`` should have been started by now; only before its first start, and in its first life."""
    expires_at = expiry(state)
    return expires_at is not None and expires_at <= now


def expiry(state: TaskState) -> datetime | None:
    """Return when a task that was never started expires; None when it does not, or no longer can."""
    if state.submitted is None or state.started_at is not None or state.life > 1 or state.terminal:
        return None
    return state.submitted.expires_at


def dependencies(state: TaskState) -> list[str]:
    """Return the ids of the tasks that ``state`` depends on, each once, in the order of the submission."""
    return [] if state.submitted is None else list(dict.fromkeys(state.submitted.depends_on))
