"""What a check remembers of one task, and what each event of it may follow.

This is not the fold that decides: it is told independently which event may come in which state, so that the one can be
held against the other. A task that has gone wrong is read on from where it went, so that one fault is one violation.
"""

from collections.abc import Callable
from datetime import datetime
from sys import intern
from typing import Any, Final

from msgspec import Struct

from callboard.checking.violation import Findings
from callboard.events.task_events import TaskEvent

NEW: Final = "new"
UNSURE: Final = "unsure"
ENDINGS: Final = frozenset({"completed", "failed", "cancelled", "expired"})
WAITING: Final = frozenset({"blocked", "scheduled", "assigned"})
STANDING: Final = WAITING | {"running", UNSURE}
"""The states that a task may be found open in; in any other its decision has yielded half of what it should."""

Wrong = tuple[str, str] | None
"""Name and detail of a violation, None for nothing."""

_OVER: Final = -1
_INTERIM: Final = frozenset({"submitted", "routed", "unblocked", "attempt_failed", "retried"})
_OPEN: Final = WAITING | _INTERIM | {"running"}

_BEFORE: Final[dict[str, frozenset[str]]] = {
    "submitted": frozenset({NEW}),
    "routed": frozenset({"submitted", "retried"}),
    "blocked": frozenset({"routed", "retried"}),
    "unblocked": frozenset({"blocked"}),
    "scheduled": frozenset({"routed", "unblocked", "attempt_failed"}),
    "assigned": frozenset({"routed", "unblocked", "scheduled", "attempt_failed", "retried"}),
    "started": frozenset({"assigned"}),
    "progressed": frozenset({"running"}),
    "attempt_failed": frozenset({"running"}),
    "completed": frozenset({"running"}),
    "failed": frozenset({"submitted", "attempt_failed", "blocked"}),
    "cancelled": _OPEN,
    "expired": WAITING | {"routed", "unblocked"},
    "retried": frozenset({"failed", "cancelled", "expired"}),
    "archived": ENDINGS,
    "delivered": frozenset({"completed", "failed"}),
    "delivery_failed": frozenset({"completed", "failed"}),
}
"""The states in which a decision may yield the event; an event that is not here is a newer callboard's."""

_AFTER: Final = {"started": "running", "progressed": "running", "archived": "", "delivered": "", "delivery_failed": ""}
"""The state an event leads to where it is not the event's own name; empty: it stays."""


class TaskRecord(Struct, gc=False):
    """One task as far as it was read.

    ``seq`` is that of the event that led to ``status``, ``at`` its time while the task is open; ``held`` the sequence
    of the message that somebody is to hold until it ends, ``born`` that of the event its present life began with.
    ``queue`` is agent and band, the agent alone before there is a band, ``timer`` the version of the event that set its
    time. ``deliveries`` counts the attempts of each target, -1 where that is over, ``released`` the attempts of this
    life that were handed back. ``known`` tells that no event of it was skipped.
    """

    version: int = 0
    status: str = NEW
    life: int = 1
    attempt: int = 0
    seq: int = 0
    held: int = 0
    born: int = 0
    at: datetime | None = None
    queue: str = ""
    worker: str = ""
    timer: int = 0
    due: datetime | None = None
    on: list[str] | None = None
    deliveries: list[int] | None = None
    released: int = 0
    archived: bool = False
    known: bool = True

    @property
    def delivered(self) -> bool:
        """Whether nothing is left to be delivered."""
        return self.deliveries is None or all(attempts == _OVER for attempts in self.deliveries)


class Step(Struct, frozen=True, gc=False):
    """One event of a task: its place, its name, what its subject says behind that, and the event."""

    seq: int
    id: str
    name: str
    tail: str
    event: TaskEvent


def take(record: TaskRecord, step: Step, findings: Findings) -> None:
    """Bring ``record`` up by one event, the next of its versions, and note what is wrong with it."""
    record.version = step.event.originator_version
    name, status = step.name, record.status
    allowed = _BEFORE.get(name)
    if allowed is None:
        return
    if status not in allowed and status != UNSURE and not _report(record, step, findings):
        return
    wrong = _DETAILS[name](record, step.event, step) if name in _DETAILS else None
    if wrong is not None and record.known:
        findings.add(*wrong, seq=step.seq, id=step.id)
    after = _AFTER.get(name, name)
    if after and name != "progressed":
        record.status, record.seq = after, step.seq
        record.at = None if after in ENDINGS else step.event.at
    if name in _HELD:
        record.held = step.seq


def skip(record: TaskRecord, version: int) -> None:
    """Go on behind an event that cannot be read, or is missing: what the task is now is not known."""
    record.version, record.status, record.known = version, UNSURE, False


_HELD: Final = frozenset({"blocked", "scheduled", "assigned", "completed", "failed"})


def _report(record: TaskRecord, step: Step, findings: Findings) -> bool:
    """Note that an event must not be here; tell whether the task is read on as what the event makes of it."""
    name, status = step.name, record.status
    if status in ENDINGS and name in ENDINGS:
        findings.add("two_endings", f"{name} behind {status}", seq=step.seq, id=step.id)
        return False
    ended = status in ENDINGS and name not in {"retried", "archived", "delivered", "delivery_failed", "submitted"}
    if ended:
        findings.add("ran_on_after_end", f"{name} behind {status}", seq=step.seq, id=step.id)
        return False
    findings.add("event_not_allowed", f"{name} in the state {status}", seq=step.seq, id=step.id)
    return status not in ENDINGS or name == "retried"


def _submitted(record: TaskRecord, event: Any, step: Step) -> Wrong:
    record.born = step.seq
    if event.delivery:
        record.deliveries = [0] * len(event.delivery)
    return None


def _routed(record: TaskRecord, event: Any, _step: Step) -> Wrong:
    record.queue = intern(event.agent)
    return None


def _blocked(record: TaskRecord, event: Any, _step: Step) -> Wrong:
    record.on = event.on
    return None


def _unblocked(record: TaskRecord, _event: Any, _step: Step) -> Wrong:
    record.on = None
    return None


def _scheduled(record: TaskRecord, event: Any, _step: Step) -> Wrong:
    record.timer, record.due = event.originator_version, event.due
    return None


def _assigned(record: TaskRecord, event: Any, step: Step) -> Wrong:
    expected, agent = (record.life, record.attempt + 1), record.queue.partition(".")[0]
    record.life, record.attempt, record.due = event.life, event.attempt, None
    record.queue = intern(f"{event.agent}.{event.priority}")
    if record.queue != step.tail:
        return "subject_differs", f"its queue is {record.queue}, that in its subject {step.tail}"
    if (event.life, event.attempt) != expected:
        told = f"assigned for attempt {event.attempt} of life {event.life}"
        return "event_not_allowed", f"{told}, expected {expected[1]} of {expected[0]}"
    if agent != event.agent:
        return "event_not_allowed", f"assigned to {event.agent}, expected {agent}"
    if event.attempt - record.released > event.max_attempts:
        return "event_not_allowed", f"assigned for attempt {event.attempt}, expected {event.max_attempts} at most"
    return None


def _started(record: TaskRecord, event: Any, step: Step) -> Wrong:
    record.worker = intern(event.worker)
    return _of_attempt(record, event, step)


def _attempt_failed(record: TaskRecord, event: Any, step: Step) -> Wrong:
    record.released += event.released
    return _of_attempt(record, event, step)


def _of_attempt(record: TaskRecord, event: Any, step: Step) -> Wrong:
    expected, record.attempt = record.attempt, event.attempt
    if event.attempt == expected:
        return None
    return "event_not_allowed", f"{step.name} of attempt {event.attempt}, expected {expected}"


def _ended(record: TaskRecord, _event: Any, _step: Step) -> Wrong:
    record.on, record.due, record.worker = None, None, ""
    return None


def _completed(record: TaskRecord, event: Any, step: Step) -> Wrong:
    # No life follows: of the millions of such tasks as little is kept as may be.
    record.born = 0
    return _ended(record, event, step)


def _retried(record: TaskRecord, _event: Any, step: Step) -> Wrong:
    archived, record.archived = record.archived, False
    record.life, record.attempt, record.born, record.released = record.life + 1, 0, step.seq, 0
    if record.deliveries is not None:
        record.deliveries = [0] * len(record.deliveries)
    return ("event_not_allowed", "retried although it is archived") if archived else None


def _archived(record: TaskRecord, _event: Any, _step: Step) -> Wrong:
    again, record.archived = record.archived, True
    if again:
        return "event_not_allowed", "archived a second time"
    if record.status in {"completed", "failed"} and not record.delivered:
        return "delivery_unfinished", "archived before its result was delivered or given up"
    return None


def _delivery(record: TaskRecord, event: Any, step: Step) -> Wrong:
    entries = record.deliveries or []
    if not 0 <= event.index < len(entries):
        return "event_not_allowed", f"{step.name} to target {event.index}, it has {len(entries)}"
    before = entries[event.index]
    if before == _OVER:
        return "delivery_after_final", f"{step.name} to target {event.index}, which is over"
    entries[event.index] = _OVER if step.name == "delivered" or event.final else event.attempt
    if event.attempt != before + 1:
        return "event_not_allowed", f"{step.name} with attempt {event.attempt}, expected {before + 1}"
    return None


_DETAILS: Final[dict[str, Callable[[TaskRecord, Any, Step], Wrong]]] = {
    "submitted": _submitted,
    "routed": _routed,
    "blocked": _blocked,
    "unblocked": _unblocked,
    "scheduled": _scheduled,
    "assigned": _assigned,
    "started": _started,
    "attempt_failed": _attempt_failed,
    "completed": _completed,
    "failed": _ended,
    "cancelled": _ended,
    "expired": _ended,
    "retried": _retried,
    "archived": _archived,
    "delivered": _delivery,
    "delivery_failed": _delivery,
}
"""What else an event says; each returns name and detail of a violation, or None."""
