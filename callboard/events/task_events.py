"""The events in the life of one task, as they are stored.

This file is the storage format: ``TOPIC`` and the field names on the wire never change, a new field has a default, and
the golden bytes in ``tests/golden`` decode for ever.
"""

from datetime import datetime
from typing import Any, ClassVar, Final

import msgspec
from msgspec import Raw, Struct, field

from callboard.events.submission import DeliverySpec

DEFAULT_MAX_ATTEMPTS: Final = 3


class TaskError(Struct, frozen=True, omit_defaults=True, gc=False):
    """Why an attempt, a task or a delivery failed: the error's class name and its message.

    ``traceback`` is the end of what Python says about where an attempt raised it; only the attempt has it.
    """

    type: str
    message: str
    traceback: str | None = None


class TaskEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every task event carries; on the wire ``{"id", "version", "at", …}``."""

    TOPIC: ClassVar[str]

    originator_id: str = field(name="id")
    originator_version: int = field(name="version")
    at: datetime

    @property
    def tail(self) -> str:
        """Subject tokens behind the event's name, so that consumers can filter on them."""
        return ""


class Submitted(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The task was accepted; the fields are the submission's."""

    TOPIC: ClassVar[str] = "task.submitted"

    input: Raw
    priority: str | int
    kind: str | None = None
    scheduled_for: datetime | None = None
    expires_at: datetime | None = None
    timeout_seconds: float | None = None
    max_attempts: int | None = None
    depends_on: list[str] = []
    parent_id: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None
    delivery: list[DeliverySpec] = []
    metadata: dict[str, Any] = {}
    heartbeat: str | None = None


class Routed(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An agent was chosen, with the reason; ``max_attempts`` is the agent's own limit."""

    TOPIC: ClassVar[str] = "task.routed"

    agent: str
    confidence: float
    method: str
    reason: str
    intent: str | None = None
    entities: dict[str, Any] = {}
    max_attempts: int = DEFAULT_MAX_ATTEMPTS


class Blocked(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The task waits until the tasks ``on`` are all completed."""

    TOPIC: ClassVar[str] = "task.blocked"

    on: list[str]


class Unblocked(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The tasks ``on`` are all completed; this one goes on."""

    TOPIC: ClassVar[str] = "task.unblocked"

    on: list[str]


class Scheduled(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The task waits until ``due``, in UTC; ``why`` is ``requested`` or ``retry``."""

    TOPIC: ClassVar[str] = "task.scheduled"

    due: datetime
    why: str


class Assigned(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The task stands in an agent's queue, in its priority band; ``max_attempts`` is the limit in force.

    ``life`` counts from 1, and on with every ``retried``; ``attempt`` counts from 1 in each life.
    """

    TOPIC: ClassVar[str] = "task.assigned"

    agent: str
    priority: str
    attempt: int
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    life: int = 1

    @property
    def tail(self) -> str:
        """Agent and priority band, so that one agent's queue in one band is one filter."""
        return f"{self.agent}.{self.priority}"


class Started(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A worker took the task; user code runs from here."""

    TOPIC: ClassVar[str] = "task.started"

    worker: str
    attempt: int


class Progressed(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """User code reported how far it is: ``fraction`` 0-1, a note for people, or both."""

    TOPIC: ClassVar[str] = "task.progressed"

    fraction: float | None = None
    note: str | None = None


class AttemptFailed(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One attempt came to nothing; ``released`` attempts were handed back and do not count."""

    TOPIC: ClassVar[str] = "task.attempt_failed"

    error: TaskError
    attempt: int
    retryable: bool
    released: bool = False


class Completed(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The task ended well; ``output`` is the JSON its handler returned."""

    TOPIC: ClassVar[str] = "task.completed"

    output: Raw
    duration_ms: float


class Failed(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The task ended without a result after ``attempts`` attempts."""

    TOPIC: ClassVar[str] = "task.failed"

    error: TaskError
    attempts: int


class Cancelled(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Somebody called the task off; ``by`` is the command that said so, when it came through the stream."""

    TOPIC: ClassVar[str] = "task.cancelled"

    reason: str | None
    by: str | None = None


class Expired(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The task was not started by its ``expires_at``."""

    TOPIC: ClassVar[str] = "task.expired"


class Retried(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Somebody gave a task that had ended a new life, with fresh attempts; ``by`` is the command, as above."""

    TOPIC: ClassVar[str] = "task.retried"

    reason: str | None = None
    by: str | None = None


class Archived(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The task, long ended, leaves the views; the log keeps it."""

    TOPIC: ClassVar[str] = "task.archived"


class Delivered(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The result reached the ``index``-th delivery target of the submission."""

    TOPIC: ClassVar[str] = "task.delivered"

    channel: str
    attempt: int
    index: int
    receipt: Any = None


class DeliveryFailed(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One attempt to deliver failed; there will be no other if ``final``, else not before ``next_at``, if set."""

    TOPIC: ClassVar[str] = "task.delivery_failed"

    channel: str
    attempt: int
    index: int
    error: TaskError
    final: bool
    next_at: datetime | None = None


class UnknownEvent(TaskEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An event that a newer callboard wrote: counted, left alone, never written by this one."""

    TOPIC: ClassVar[str] = "task.unknown"


EVENTS: Final[tuple[type[TaskEvent], ...]] = (
    Submitted,
    Routed,
    Blocked,
    Unblocked,
    Scheduled,
    Assigned,
    Started,
    Progressed,
    AttemptFailed,
    Completed,
    Failed,
    Cancelled,
    Expired,
    Retried,
    Archived,
    Delivered,
    DeliveryFailed,
)
_DECODERS: Final = {cls.TOPIC: msgspec.json.Decoder(cls) for cls in EVENTS}
_UNKNOWN: Final = msgspec.json.Decoder(UnknownEvent)


def decode(topic: str, data: bytes) -> TaskEvent:
    """Return the event stored under ``topic`` with the JSON body ``data``.

    Raises:
        msgspec.MsgspecError: the body is not what that topic's events look like.
        UnicodeDecodeError: a text in the body is not UTF-8.
    """
    return _DECODERS.get(topic, _UNKNOWN).decode(data)
