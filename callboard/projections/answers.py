"""What queries answer, field by field as the wire protocol has it. JSON that came in goes out as it is."""

from datetime import datetime

from msgspec import Raw, Struct


class DeliveryItem(Struct, frozen=True, kw_only=True):
    """One target of a task's result: ``status`` is pending, delivered or failed, ``at`` its last attempt."""

    index: int
    channel: str | None
    status: str
    attempts: int
    at: datetime | None
    receipt: Raw | None
    error: Raw | None


class TaskItem(Struct, frozen=True, kw_only=True):
    """A task, in its present ``life``, counted from 1. ``duration_ms`` is its last attempt's, from start to end.

    ``due`` is when a scheduled one goes on: the time it asked for, or that of its next attempt.
    """

    id: str
    status: str
    agent: str | None
    kind: str | None
    priority: str
    input: Raw | None
    output: Raw | None
    error: Raw | None
    life: int
    attempts: int
    max_attempts: int | None
    user_id: str | None
    session_id: str | None
    tenant_id: str | None
    parent_id: str | None
    depends_on: Raw
    route: Raw | None
    metadata: Raw
    submitted_at: datetime | None
    scheduled_for: datetime | None
    expires_at: datetime | None
    due: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: float | None
    deliveries: list[DeliveryItem]
    version: int
    seq: int


class TaskAnswer(TaskItem, frozen=True, kw_only=True):
    """One task; ``as_of_seq`` is the sequence that this answer, like every other, reflects."""

    as_of_seq: int


class TasksAnswer(Struct, frozen=True, kw_only=True):
    """A page of tasks, newest first; ``next`` is the ``after`` of the page behind it, None on the last."""

    tasks: list[TaskItem]
    next: str | None
    as_of_seq: int


class StatsAnswer(Struct, frozen=True, kw_only=True):
    """Counts of tasks, and how long the completed ones took; None while there are none."""

    total: int
    pending: int
    in_progress: int
    completed: int
    failed: int
    cancelled: int
    expired: int
    avg_completion_seconds: float | None
    p50_completion_seconds: float | None
    p95_completion_seconds: float | None
    queue_size: int
    as_of_seq: int


class AgentError(Struct, frozen=True, kw_only=True):
    """One failed attempt; ``error`` is ``{"type", "message"}``."""

    task_id: str
    attempt: int
    at: datetime | None
    error: Raw | None


class AgentItem(Struct, frozen=True, kw_only=True):
    """One agent: tasks by state, the duration of completed ones, the share of ended ones that failed.

    ``processes`` serve it right now; None in answers about the past.
    """

    agent: str
    processes: int | None = None
    active: int
    queued: int
    completed: int
    failed: int
    avg_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    failure_rate: float
    last_errors: list[AgentError]


class AgentsAnswer(Struct, frozen=True, kw_only=True):
    """Every agent that has had a task, by name."""

    agents: list[AgentItem]
    as_of_seq: int


class AgentLogItem(Struct, frozen=True, kw_only=True):
    """One attempt of one life of its task; ``outcome`` is running, completed, failed, released or cancelled."""

    seq: int
    agent: str | None
    task_id: str
    life: int
    attempt: int
    worker: str | None
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str
    duration_ms: float | None
    error: Raw | None


class AgentLogAnswer(Struct, frozen=True, kw_only=True):
    """Attempts, the last started one first."""

    entries: list[AgentLogItem]
    as_of_seq: int


def raw(value: bytes | None) -> Raw | None:
    """Return stored JSON as it is to be sent; None for none."""
    return None if value is None else Raw(value)
