"""Decisions that let a task in: its submission, and the new life of one that had ended."""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from callboard.events.submission import Submission, band
from callboard.events.task_chain import Chain, fit, text
from callboard.events.task_events import (
    DEFAULT_MAX_ATTEMPTS,
    Assigned,
    Blocked,
    Expired,
    Failed,
    Retried,
    Routed,
    Scheduled,
    Submitted,
    TaskError,
    TaskEvent,
)
from callboard.events.task_state import TaskState

RETRYABLE: Final = frozenset({"failed", "cancelled", "expired"})
"""The ends after which a task may get a new life."""

REQUESTED: Final = "requested"
NO_ROUTE: Final = "NoRoute"


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
    state: TaskState | None,
    task_id: str,
    submission: Submission,
    route: Route,
    now: datetime,
    *,
    heartbeat: str | None = None,
) -> list[TaskEvent]:
    """Accept a submission: it is blocked, scheduled, or in its agent's queue; failed when the route found nobody.

    ``heartbeat`` names the heartbeat that it comes from. The same id again is the same task: nothing follows.
    """
    if state is not None:
        return []
    fields = {name: getattr(submission, name) for name in _SUBMITTED_FIELDS}
    chain = Chain(task_id, 0, now).add(Submitted, **fields, heartbeat=heartbeat)
    if not _routed(chain, route):
        return chain.events
    if submission.depends_on:
        return chain.add(Blocked, on=list(dict.fromkeys(submission.depends_on))).events
    if submission.expires_at is not None and submission.expires_at <= now:
        return chain.add(Expired).events
    if submission.scheduled_for is not None and submission.scheduled_for > now:
        return chain.add(Scheduled, due=submission.scheduled_for.astimezone(UTC), why=REQUESTED).events
    return chain.add(
        Assigned,
        agent=route.agent,
        priority=band(submission.priority),
        attempt=1,
        max_attempts=submission.max_attempts or route.max_attempts,
    ).events


def retry(
    state: TaskState | None, route: Route | None, now: datetime, *, reason: str | None = None, by: str | None = None
) -> list[TaskEvent]:
    """Give a task that failed, expired or was cancelled a new life with fresh attempts.

    It goes back to its agent's queue, behind the tasks it depends on; its time has come and it no longer expires. A
    ``route`` is needed for one that had found no agent, and counts for no other. The command ``by`` is heard once.
    """
    if state is None or not may_retry(state) or state.submitted is None or by in state.heard:
        return []
    if state.agent is not None:
        route = None
    elif route is None or route.agent is None:
        return []
    chain = Chain.after(state, now).add(Retried, reason=None if reason is None else text(reason), by=by)
    if route is not None:
        _routed(chain, route)
    if state.submitted.depends_on:
        return chain.add(Blocked, on=list(dict.fromkeys(state.submitted.depends_on))).events
    return chain.add(Assigned, **assignment(state, route, life=state.life + 1, attempt=1)).events


def may_retry(state: TaskState) -> bool:
    """Tell whether ``state`` is an end that a new life may follow."""
    return state.status in RETRYABLE and not state.archived


def standing(state: TaskState) -> str:
    """Return what people are told a task is, when it cannot be retried or cancelled: its status, or ``archived``."""
    return "archived" if state.archived else state.status


def assignment(state: TaskState, route: Route | None = None, *, life: int, attempt: int) -> dict[str, Any]:
    """Return the fields of the event that puts ``state`` into its agent's queue."""
    return {
        "agent": state.agent or (route and route.agent) or "",
        "priority": state.priority,
        "attempt": attempt,
        "max_attempts": (state.submitted and state.submitted.max_attempts) or (route or state).max_attempts,
        "life": life,
    }


_SUBMITTED_FIELDS: Final = tuple(
    name for name in Submitted.__struct_fields__ if name not in {*TaskEvent.__struct_fields__, "heartbeat"}
)


def _routed(chain: Chain, route: Route) -> bool:
    """Record where the task goes; without an agent it fails, and False is returned."""
    if route.agent is None:
        chain.add(Failed, error=fit(TaskError(NO_ROUTE, route.reason)), attempts=0)
        return False
    chain.add(
        Routed,
        agent=route.agent,
        confidence=route.confidence,
        method=route.method,
        reason=text(route.reason),
        intent=route.intent,
        entities=route.entities,
        max_attempts=route.max_attempts,
    )
    return True
