"""The task as user code sees it."""

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct, field

from callboard.events.facts import dated, of_task
from callboard.events.rule import Facts
from callboard.events.task_events import DEFAULT_MAX_ATTEMPTS, Submitted
from callboard.events.task_state import TaskState


class Task(Struct, frozen=True, kw_only=True):
    """One attempt at one task.

    ``input`` is the decoded JSON of the submission (for a handler whose first parameter is a Struct: that Struct),
    ``priority`` its band, ``attempt`` counts from 1, ``submitted_at`` is in UTC. While a task is being routed,
    ``agent`` is empty and ``attempt`` is 1. ``life`` counts from 1, and on with each time the task was retried after it
    had ended; attempts are counted in each life.
    """

    id: str
    agent: str = ""
    input: Any = None
    kind: str | None = None
    priority: str = "normal"
    attempt: int = 1
    life: int = 1
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    user_id: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None
    parent_id: str | None = None
    metadata: dict[str, Any] = {}
    submitted_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def task_of(state: TaskState, submitted: Submitted) -> Task:
    """Return the task as its handler sees it; ``input`` is decoded where the handler runs."""
    return Task(
        id=state.id,
        agent=state.agent or "",
        input=None,
        kind=submitted.kind,
        priority=state.priority,
        attempt=state.attempt,
        life=state.life,
        max_attempts=state.max_attempts,
        user_id=submitted.user_id,
        session_id=submitted.session_id,
        tenant_id=submitted.tenant_id,
        parent_id=submitted.parent_id,
        metadata=submitted.metadata,
        submitted_at=submitted.at,
    )


def facts_of(task: Task, given: Any) -> Facts:
    """Return the facts that rules ask about, of ``task`` with the decoded input ``given``."""
    return dated(of_task(task.kind, given), task.submitted_at)
