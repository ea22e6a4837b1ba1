"""Decisions about the end of a task: calling it off, telling its result, and taking it out of the views."""

from datetime import datetime, timedelta
from typing import Any, TypeGuard

from callboard.events.task_chain import Chain, fit, text
from callboard.events.task_events import Archived, Cancelled, Delivered, DeliveryFailed, TaskError, TaskEvent
from callboard.events.task_state import DELIVERABLE, TaskState


def cancel(state: TaskState | None, reason: str | None, now: datetime, *, by: str | None = None) -> list[TaskEvent]:
    """Call a task off in any state that is not terminal; the command ``by`` is heard once."""
    if state is None or state.terminal or by in state.heard:
        return []
    return Chain.after(state, now).add(Cancelled, reason=None if reason is None else text(reason), by=by).events


def archive(state: TaskState | None, now: datetime) -> list[TaskEvent]:
    """Take a task that has ended out of the views, once its result needs no more deliveries."""
    if state is None or not state.terminal or state.archived:
        return []
    if state.status in DELIVERABLE and not all(entry.over for entry in state.deliveries):
        return []
    return Chain.after(state, now).add(Archived).events


def deliver(
    state: TaskState | None, index: int, attempt: int, receipt: Any, now: datetime, *, life: int = 1
) -> list[TaskEvent]:
    """Record that the ``index``-th delivery reached its target with its ``attempt``-th attempt."""
    if not _delivers(state, index, attempt, life):
        return []
    return Chain.after(state, now).add(Delivered, **_target(state, index), attempt=attempt, receipt=receipt).events


def fail_delivery(  # noqa: PLR0913 - all that is known of one attempt
    state: TaskState | None,
    index: int,
    attempt: int,
    error: TaskError,
    now: datetime,
    *,
    final: bool,
    pause_seconds: float = 0.0,
    life: int = 1,
) -> list[TaskEvent]:
    """Record that the ``index``-th delivery's ``attempt``-th attempt failed, for good or for ``pause_seconds``."""
    if not _delivers(state, index, attempt, life):
        return []
    target = _target(state, index)
    next_at = now + timedelta(seconds=pause_seconds) if pause_seconds and not final else None
    chain = Chain.after(state, now)
    chain.add(DeliveryFailed, **target, attempt=attempt, error=fit(error), final=final, next_at=next_at)
    return chain.events


def _target(state: TaskState, index: int) -> dict[str, Any]:
    return {"channel": str(state.targets[index].get("channel", "")), "index": index}


def _delivers(state: TaskState | None, index: int, attempt: int, life: int) -> TypeGuard[TaskState]:
    if state is None or state.status not in DELIVERABLE or state.life != life:
        return False
    if not 0 <= index < len(state.deliveries):
        return False
    entry = state.deliveries[index]
    return not entry.over and attempt == entry.attempts + 1
