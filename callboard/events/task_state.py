"""The state that the events of one task fold into: all that its decisions need to know."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.events.errors import InvalidValueError
from callboard.events.submission import DeliverySpec, band
from callboard.events.task_events import (
    DEFAULT_MAX_ATTEMPTS,
    Archived,
    Assigned,
    AttemptFailed,
    Blocked,
    Cancelled,
    Completed,
    Delivered,
    DeliveryFailed,
    Expired,
    Failed,
    Progressed,
    Retried,
    Routed,
    Scheduled,
    Started,
    Submitted,
    TaskEvent,
    Unblocked,
)

TERMINAL: Final = frozenset({"completed", "failed", "cancelled", "expired"})
DELIVERABLE: Final = frozenset({"completed", "failed"})
WORKER_LOST: Final = "WorkerLost"
"""Type of the error of an attempt whose worker went away."""


class DeliveryState(Struct, frozen=True, gc=False):
    """How far one delivery target is: attempts made, whether it is over (either way), and when the next may be made."""

    attempts: int = 0
    over: bool = False
    next_at: datetime | None = None


class TaskState(Struct, frozen=True, kw_only=True, gc=False):
    """All that decisions need to know of a task. ``version`` is that of its last event.

    ``life`` counts from 1, and on with every ``retried``. Of the present life, ``attempt`` is the current one, from 1,
    ``released`` counts attempts handed back, which do not use up the limit, and ``lost`` those whose worker went away,
    which do. ``progress`` is the last report of the current attempt (fraction, note). ``due`` is when a task that waits
    for its time goes on, and ``timer`` the version of the event that said so; both are None for one that waits for
    nothing of the kind, while one that ended before its time keeps them. ``heard`` are the commands that changed it:
    one that comes again changes nothing.
    """

    id: str
    version: int
    status: str
    submitted: Submitted | None = None
    agent: str | None = None
    priority: str = "normal"
    life: int = 1
    attempt: int = 0
    released: int = 0
    lost: int = 0
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    due: datetime | None = None
    timer: int | None = None
    started_at: datetime | None = None
    worker: str | None = None
    progress: tuple[float | None, str | None] = (None, None)
    finished: Completed | Failed | None = None
    deliveries: tuple[DeliveryState, ...] = ()
    archived: bool = False
    heard: tuple[str, ...] = ()

    @property
    def terminal(self) -> bool:
        """Whether the task's life is over."""
        return self.status in TERMINAL

    @property
    def targets(self) -> list[DeliverySpec]:
        """What the submission asks to be told of the result, one entry per delivery."""
        return [] if self.submitted is None else self.submitted.delivery

    @property
    def size(self) -> int:
        """Roughly how many bytes of memory the state holds."""
        size = 1_000
        if self.submitted is not None:
            size += len(memoryview(self.submitted.input)) + _weight(self.submitted)
        if isinstance(self.finished, Completed):
            size += len(memoryview(self.finished.output))
        return size


def evolve(state: TaskState | None, event: TaskEvent) -> TaskState:
    """Return the state after ``event``. Total: any event in any state gives a state, and its version is the event's."""
    before = state or TaskState(id=event.originator_id, version=0, status="scheduled")
    changes = _EVOLVE.get(type(event), _nothing)(before, event)
    return msgspec.structs.replace(before, version=event.originator_version, **changes)


def fold(state: TaskState | None, events: Iterable[TaskEvent]) -> TaskState | None:
    """Return the state after all of ``events``, oldest first; None for a task that never was."""
    for event in events:
        state = evolve(state, event)
    return state


def _weight(event: Submitted) -> int:
    """Estimate what decoded JSON weighs: about eight times its text."""
    return 8 * len(msgspec.json.encode([event.metadata, event.delivery])) if event.metadata or event.delivery else 0


def _nothing(_state: TaskState, _event: Any) -> dict[str, Any]:
    return {}


def _submitted(state: TaskState, event: Submitted) -> dict[str, Any]:
    try:
        priority = band(event.priority)
    except InvalidValueError:  # a priority this version does not know: ``assigned`` brings the band that counts
        priority = state.priority
    deliveries = (DeliveryState(),) * len(event.delivery)
    return {"status": "scheduled", "submitted": event, "priority": priority, "deliveries": deliveries}


def _routed(state: TaskState, event: Routed) -> dict[str, Any]:
    own = None if state.submitted is None else state.submitted.max_attempts
    return {"agent": event.agent, "max_attempts": own or event.max_attempts}


def _scheduled(_state: TaskState, event: Scheduled) -> dict[str, Any]:
    return {"status": "scheduled", "due": event.due, "timer": event.originator_version}


def _assigned(_state: TaskState, event: Assigned) -> dict[str, Any]:
    return {
        "status": "assigned",
        "agent": event.agent,
        "priority": event.priority,
        "life": event.life,
        "due": None,
        "timer": None,
        "attempt": event.attempt,
        "max_attempts": event.max_attempts,
        "worker": None,
        "progress": (None, None),
    }


def _started(_state: TaskState, event: Started) -> dict[str, Any]:
    return {"status": "running", "started_at": event.at, "worker": event.worker, "attempt": event.attempt}


def _attempt_failed(state: TaskState, event: AttemptFailed) -> dict[str, Any]:
    return {
        "status": "scheduled",
        "worker": None,
        "released": state.released + event.released,
        "lost": state.lost + (event.error.type == WORKER_LOST),
    }


def _heard(state: TaskState, event: Cancelled | Retried) -> tuple[str, ...]:
    return state.heard if event.by is None else (*state.heard, event.by)


def _retried(state: TaskState, event: Retried) -> dict[str, Any]:
    return {
        "heard": _heard(state, event),
        "status": "scheduled",
        "life": state.life + 1,
        "attempt": 0,
        "released": 0,
        "lost": 0,
        "due": None,
        "timer": None,
        "started_at": None,
        "worker": None,
        "progress": (None, None),
        "finished": None,
        "deliveries": (DeliveryState(),) * len(state.deliveries),
        "archived": False,
    }


def _delivery(state: TaskState, event: Delivered | DeliveryFailed) -> dict[str, Any]:
    if isinstance(event, Delivered):
        entry = DeliveryState(event.attempt, over=True)
    else:
        entry = DeliveryState(event.attempt, event.final, event.next_at)
    entries = list(state.deliveries)
    if 0 <= event.index < len(entries):
        entries[event.index] = entry
    return {"deliveries": tuple(entries)}


_EVOLVE: Final[dict[type[TaskEvent], Callable[[TaskState, Any], dict[str, Any]]]] = {
    Submitted: _submitted,
    Routed: _routed,
    Blocked: lambda _state, _event: {"status": "blocked"},
    Unblocked: lambda _state, _event: {"status": "scheduled"},
    Scheduled: _scheduled,
    Assigned: _assigned,
    Started: _started,
    Progressed: lambda _state, event: {"progress": (event.fraction, event.note)},
    AttemptFailed: _attempt_failed,
    Completed: lambda _state, event: {"status": "completed", "finished": event},
    Failed: lambda _state, event: {"status": "failed", "finished": event},
    Cancelled: lambda state, event: {"status": "cancelled", "heard": _heard(state, event)},
    Expired: lambda _state, _event: {"status": "expired"},
    Retried: _retried,
    Archived: lambda _state, _event: {"archived": True},
    Delivered: _delivery,
    DeliveryFailed: _delivery,
}
