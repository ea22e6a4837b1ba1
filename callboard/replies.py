"""What the service answers, as types. Fields that a newer service adds are ignored; absent ones get their defaults."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from callboard.events.errors import CallboardError, shorten
from callboard.events.task_state import TERMINAL

T = TypeVar("T")


class UnreadableReplyError(CallboardError):
    """An answer that is not what the protocol says it is."""


class Receipt(Struct, frozen=True, kw_only=True):
    """The proof that a command is stored durably.

    ``id`` is the task's. With ``queued`` false, ``seq`` is the event's place in the event log, to be used as
    ``min_seq``. With ``queued`` true nothing was running: the command waits in its stream, ``seq`` is its place there,
    and it is taken when callboard starts.
    """

    id: str
    seq: int
    queued: bool = False


class RouteInfo(Struct, frozen=True, kw_only=True):
    """Which agent a task went to, and why; ``confidence`` is 0-1."""

    agent: str | None = None
    intent: str | None = None
    confidence: float | None = None
    method: str | None = None
    entities: dict[str, Any] | None = None
    reason: str | None = None


class Failure(Struct, frozen=True):
    """Why a task failed: the error's class name and its message."""

    type: str = ""
    message: str = ""


class DeliveryInfo(Struct, frozen=True, kw_only=True):
    """One target of a task's result: ``status`` is pending, delivered or failed, ``at`` its last attempt."""

    index: int = 0
    channel: str | None = None
    status: str = "pending"
    attempts: int = 0
    at: datetime | None = None
    receipt: Any = None
    error: Failure | None = None


class TaskInfo(Struct, frozen=True, kw_only=True):
    """A task as the views show it, in its present ``life``, counted from 1.

    ``input`` and ``output`` are decoded JSON, ``seq`` is its last event's place, ``due`` when a scheduled one goes on.
    """

    id: str
    status: str
    agent: str | None = None
    kind: str | None = None
    priority: str | int = "normal"
    input: Any = None
    output: Any = None
    error: Failure | None = None
    life: int = 1
    attempts: int = 0
    max_attempts: int | None = None
    user_id: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None
    parent_id: str | None = None
    depends_on: list[str] = []
    route: RouteInfo | None = None
    metadata: dict[str, Any] = {}
    submitted_at: datetime | None = None
    scheduled_for: datetime | None = None
    expires_at: datetime | None = None
    due: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_ms: float | None = None
    deliveries: list[DeliveryInfo] = []
    version: int = 0
    seq: int = 0

    @property
    def terminal(self) -> bool:
        """Whether the task's life is over."""
        return self.status in TERMINAL


class TaskPage(Struct, frozen=True, kw_only=True):
    """A page of tasks; ``next`` is the ``after`` of the following page, None on the last."""

    tasks: list[TaskInfo] = []
    next: str | None = None
    as_of_seq: int = 0


class TaskStats(Struct, frozen=True, kw_only=True):
    """Counts of tasks by state, and how long the completed ones took in seconds (None while there are none)."""

    total: int = 0
    pending: int = 0
    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0
    avg_completion_seconds: float | None = None
    p50_completion_seconds: float | None = None
    p95_completion_seconds: float | None = None
    queue_size: int = 0
    as_of_seq: int = 0


class AgentFailure(Struct, frozen=True, kw_only=True):
    """One failed attempt of an agent."""

    task_id: str
    attempt: int
    at: datetime | None = None
    error: Failure | None = None


class AgentInfo(Struct, frozen=True, kw_only=True):
    """One agent: its tasks by state, how long the completed ones took in milliseconds, the share 0-1 that failed.

    ``processes`` serve it right now; with none its tasks wait. It is None in answers about the past.
    """

    agent: str
    processes: int | None = None
    active: int = 0
    queued: int = 0
    completed: int = 0
    failed: int = 0
    avg_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    failure_rate: float = 0.0
    last_errors: list[AgentFailure] = []


class AgentList(Struct, frozen=True, kw_only=True):
    """Every agent, by name."""

    agents: list[AgentInfo] = []
    as_of_seq: int = 0


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt of an agent; ``outcome`` is running, completed, failed, released or cancelled."""

    seq: int
    agent: str | None = None
    task_id: str
    life: int = 1
    attempt: int
    worker: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str = "running"
    duration_ms: float | None = None
    error: Failure | None = None


class AgentLog(Struct, frozen=True, kw_only=True):
    """Attempts, the last started one first."""

    entries: list[Attempt] = []
    as_of_seq: int = 0


class HeartbeatInfo(Struct, frozen=True, kw_only=True):
    """A heartbeat as it is set; ``last_fire`` and ``next_fire`` are the times it was and is due (None: never)."""

    name: str
    agent: str = ""
    input: Any = None
    every_seconds: float | None = None
    cron: str | None = None
    timezone: str = "UTC"
    enabled: bool = True
    overlap: str = "skip"
    delivery: list[dict[str, Any]] = []
    set_at: datetime | None = None
    last_fire: datetime | None = None
    last_task_id: str | None = None
    next_fire: datetime | None = None
    version: int = 0
    seq: int = 0


class HeartbeatList(Struct, frozen=True, kw_only=True):
    """Every heartbeat, by name."""

    heartbeats: list[HeartbeatInfo] = []
    as_of_seq: int = 0


class TaskEvents(Struct, frozen=True, kw_only=True):
    """Every event of one task, oldest first, each still the JSON object that the service sent."""

    events: list[Raw] = []
    as_of_seq: int = 0


def read(data: bytes, shape: type[T]) -> T:
    """Return the answer ``data`` as a ``shape``.

    Raises:
        UnreadableReplyError: it does not have that shape.
    """
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableReplyError(f"expected a {shape}: {error}, got {shorten(data)}") from error
