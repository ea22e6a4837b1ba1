"""One task: the decisions that yield its events, from the state those events fold into.

Decisions are pure: they get state, input and ``now``, and return the events that follow (none, when nothing does). The
same decision on the state it led to yields nothing new. What people wrote (errors, notes, reasons) is made fit to be
stored, so that a decision never yields an event that the log refuses.
"""

import math
from datetime import datetime, timedelta
from typing import Any, Final, TypeGuard

from msgspec import Raw, Struct

from callboard.events.submission import Submission, band
from callboard.events.task_events import (
    DEFAULT_MAX_ATTEMPTS,
    Assigned,
    AttemptFailed,
    Cancelled,
    Completed,
    Delivered,
    DeliveryFailed,
    Failed,
    Progressed,
    Routed,
    Started,
    Submitted,
    TaskError,
    TaskEvent,
)
from callboard.events.task_state import DELIVERABLE, TERMINAL, DeliveryState, TaskState, evolve, fold

__all__ = [
    "DELIVERABLE",
    "TERMINAL",
    "DeliveryState",
    "Route",
    "TaskState",
    "cancel",
    "complete",
    "deliver",
    "elapsed_ms",
    "evolve",
    "fail_attempt",
    "fail_delivery",
    "fold",
    "progress",
    "release",
    "start",
    "submit",
]

MAX_TEXT: Final = 8_192
"""Longest error, note or reason that is stored, in characters; what is longer is cut."""


class Route(Struct, frozen=True, kw_only=True):
    """Which agent gets a task and why; without an agent, ``reason`` says why nobody does.

    ``confidence`` is 0-1, ``method`` one of explicit, keyword, rule, semantic, llm, fallback; ``max_attempts`` is the
    agent's own limit.
    """

    agent: str | None
    reason: str
    confidence: float = 0.0
    method: str = "explicit"
    intent: str | None = None
    entities: dict[str, Any] = {}
    max_attempts: int = DEFAULT_MAX_ATTEMPTS


def submit(
    state: TaskState | None, task_id: str, submission: Submission, route: Route, now: datetime
) -> list[TaskEvent]:
    """Accept a submission and put it into its agent's queue, or fail it when the route found nobody.

    The same id again is the same task: nothing follows.
    """
    if state is not None:
        return []
    fields = {name: getattr(submission, name) for name in _SUBMITTED_FIELDS}
    accepted = Submitted(originator_id=task_id, originator_version=1, at=now, **fields)
    if route.agent is None:
        error = _error(TaskError("NoRoute", route.reason))
        return [accepted, Failed(originator_id=task_id, originator_version=2, at=now, error=error, attempts=0)]
    routed = Routed(
        originator_id=task_id,
        originator_version=2,
        at=now,
        agent=route.agent,
        confidence=route.confidence,
        method=route.method,
        reason=_text(route.reason),
        intent=route.intent,
        entities=route.entities,
    )
    assigned = Assigned(
        originator_id=task_id,
        originator_version=3,
        at=now,
        agent=route.agent,
        priority=band(submission.priority),
        attempt=1,
        max_attempts=submission.max_attempts or route.max_attempts,
    )
    return [accepted, routed, assigned]


def start(state: TaskState | None, attempt: int, worker: str, now: datetime) -> list[TaskEvent]:
    """Take a task out of its queue; nothing when that attempt is no longer the one that waits."""
    if state is None or state.status != "assigned" or state.attempt != attempt:
        return []
    return [Started(**_next(state, now), worker=worker, attempt=attempt)]


def progress(
    state: TaskState | None, attempt: int, fraction: float | None, note: str | None, now: datetime
) -> list[TaskEvent]:
    """Record how far a running attempt is, as a fraction of 0-1; the same report again is not news."""
    report = (_fraction(fraction), None if note is None else _text(note))
    if not _runs(state, attempt) or report == state.progress:
        return []
    return [Progressed(**_next(state, now), fraction=report[0], note=report[1])]


def complete(state: TaskState | None, attempt: int, output: Raw, now: datetime) -> list[TaskEvent]:
    """Record the result of a running attempt; the result of any other attempt is dropped."""
    if not _runs(state, attempt):
        return []
    return [Completed(**_next(state, now), output=output, duration_ms=elapsed_ms(state.started_at, now))]


def fail_attempt(
    state: TaskState | None, attempt: int, error: TaskError, now: datetime, *, retryable: bool
) -> list[TaskEvent]:
    """Record that a running attempt failed; another follows at once while attempts are left and it may be retried."""
    if not _runs(state, attempt):
        return []
    error = _error(error)
    failed = AttemptFailed(**_next(state, now), error=error, attempt=attempt, retryable=retryable)
    if retryable and attempt - state.released < state.max_attempts:
        return [failed, _again(state, now)]
    over = Failed(**_next(state, now, 2), error=error, attempts=attempt - state.released)
    return [failed, over]


def release(state: TaskState | None, attempt: int, reason: str, now: datetime) -> list[TaskEvent]:
    """Hand a running attempt back to the queue because its worker stops; it does not count as an attempt."""
    if not _runs(state, attempt):
        return []
    error = _error(TaskError("Released", reason))
    failed = AttemptFailed(**_next(state, now), error=error, attempt=attempt, retryable=True, released=True)
    return [failed, _again(state, now)]


def cancel(state: TaskState | None, reason: str | None, now: datetime) -> list[TaskEvent]:
    """Call a task off in any state that is not terminal."""
    if state is None or state.terminal:
        return []
    return [Cancelled(**_next(state, now), reason=None if reason is None else _text(reason))]


def deliver(state: TaskState | None, index: int, attempt: int, receipt: Any, now: datetime) -> list[TaskEvent]:
    """Record that the ``index``-th delivery reached its target with its ``attempt``-th attempt."""
    if not _delivers(state, index, attempt):
        return []
    return [Delivered(**_target(state, index, now), attempt=attempt, receipt=receipt)]


def fail_delivery(
    state: TaskState | None,
    index: int,
    attempt: int,
    error: TaskError,
    now: datetime,
    *,
    final: bool,
    pause_seconds: float = 0.0,
) -> list[TaskEvent]:
    """Record that the ``index``-th delivery's ``attempt``-th attempt failed, for good or for ``pause_seconds``."""
    if not _delivers(state, index, attempt):
        return []
    next_at = now + timedelta(seconds=pause_seconds) if pause_seconds and not final else None
    failed = DeliveryFailed(
        **_target(state, index, now), attempt=attempt, error=_error(error), final=final, next_at=next_at
    )
    return [failed]


def elapsed_ms(since: datetime | None, now: datetime) -> float:
    """Return the milliseconds from ``since`` to ``now``, never below 0 (clocks step back); 0 when it never began."""
    return 0.0 if since is None else max(0.0, round((now - since).total_seconds() * 1000, 3))


_SUBMITTED_FIELDS: Final = tuple(
    name for name in Submitted.__struct_fields__ if name not in TaskEvent.__struct_fields__
)


def _next(state: TaskState, now: datetime, step: int = 1) -> dict[str, Any]:
    return {"originator_id": state.id, "originator_version": state.version + step, "at": now}


def _target(state: TaskState, index: int, now: datetime) -> dict[str, Any]:
    return {**_next(state, now), "channel": str(state.targets[index].get("channel", "")), "index": index}


def _text(text: str) -> str:
    """Cut what is too long, and replace lone surrogates: no JSON text holds them."""
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT - 1]}…"
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _error(error: TaskError) -> TaskError:
    return TaskError(_text(error.type), _text(error.message))


def _fraction(fraction: float | None) -> float | None:
    return None if fraction is None or math.isnan(fraction) else min(1.0, max(0.0, fraction))


def _again(state: TaskState, now: datetime) -> Assigned:
    return Assigned(
        **_next(state, now, 2),
        agent=state.agent or "",
        priority=state.priority,
        attempt=state.attempt + 1,
        max_attempts=state.max_attempts,
    )


def _runs(state: TaskState | None, attempt: int) -> TypeGuard[TaskState]:
    return state is not None and state.status == "running" and state.attempt == attempt


def _delivers(state: TaskState | None, index: int, attempt: int) -> TypeGuard[TaskState]:
    if state is None or state.status not in DELIVERABLE or not 0 <= index < len(state.deliveries):
        return False
    entry = state.deliveries[index]
    return not entry.over and attempt == entry.attempts + 1
