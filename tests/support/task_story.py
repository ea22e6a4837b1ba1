"""One task's story, told in events: each function gives the ``version``-th event with plain default values."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Raw

from callboard.events.submission import Submission
from callboard.events.task import Route
from callboard.events.task_events import (
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
    TaskError,
    Unblocked,
    UnknownEvent,
)

ID = "task-1"
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
NOW = START + timedelta(seconds=10)
LATER = NOW + timedelta(hours=1)
INPUT = Raw(b'"where is my invoice?"')
OUTPUT = Raw(b'{"answer":42}')
OOPS = TaskError("ValueError", "no such invoice")
LOG = {"channel": "log"}
HOOK = {"channel": "webhook", "url": "https://example.com/hook"}
ROUTE = Route(agent="billing", reason="asked for by name", confidence=1.0)


def submission(**fields: Any) -> Submission:
    return Submission(**{"input": INPUT, **fields})


def submitted(version: int = 1, **fields: Any) -> Submitted:
    return Submitted(**_envelope(version), **{"input": INPUT, "priority": "normal", **fields})


def routed(version: int = 2, **fields: Any) -> Routed:
    values = {"agent": "billing", "confidence": 1.0, "method": "explicit", "reason": "asked for by name"}
    return Routed(**_envelope(version), **{**values, **fields})


def blocked(version: int = 3, *on: str) -> Blocked:
    return Blocked(**_envelope(version), on=list(on or ("first", "second")))


def unblocked(version: int = 4, *on: str) -> Unblocked:
    return Unblocked(**_envelope(version), on=list(on or ("first", "second")))


def scheduled(version: int = 3, due: datetime = LATER, why: str = "requested") -> Scheduled:
    return Scheduled(**_envelope(version), due=due, why=why)


def assigned(version: int = 3, attempt: int = 1, **fields: Any) -> Assigned:
    values = {"agent": "billing", "priority": "normal", "attempt": attempt}
    return Assigned(**_envelope(version), **{**values, **fields})


def started(version: int = 4, attempt: int = 1, **fields: Any) -> Started:
    return Started(**_envelope(version), **{"worker": "worker-1", "attempt": attempt, **fields})


def progressed(version: int = 5, **fields: Any) -> Progressed:
    return Progressed(**_envelope(version), **fields)


def attempt_failed(version: int = 5, attempt: int = 1, **fields: Any) -> AttemptFailed:
    return AttemptFailed(**_envelope(version), **{"error": OOPS, "attempt": attempt, "retryable": True, **fields})


def completed(version: int = 5, **fields: Any) -> Completed:
    return Completed(**_envelope(version), **{"output": OUTPUT, "duration_ms": 10_000.0, **fields})


def failed(version: int = 6, **fields: Any) -> Failed:
    return Failed(**_envelope(version), **{"error": OOPS, "attempts": 1, **fields})


def cancelled(version: int, **fields: Any) -> Cancelled:
    return Cancelled(**_envelope(version), **{"reason": None, **fields})


def expired(version: int) -> Expired:
    return Expired(**_envelope(version))


def retried(version: int = 7, **fields: Any) -> Retried:
    return Retried(**_envelope(version), **fields)


def archived(version: int) -> Archived:
    return Archived(**_envelope(version))


def delivered(version: int = 6, index: int = 0, **fields: Any) -> Delivered:
    return Delivered(**_envelope(version), **{"channel": "log", "attempt": 1, "index": index, **fields})


def delivery_failed(version: int = 6, index: int = 0, **fields: Any) -> DeliveryFailed:
    values = {"channel": "log", "attempt": 1, "index": index, "error": OOPS, "final": False}
    return DeliveryFailed(**_envelope(version), **{**values, **fields})


def unknown(version: int) -> UnknownEvent:
    return UnknownEvent(**_envelope(version))


def _envelope(version: int) -> dict[str, Any]:
    return {"originator_id": ID, "originator_version": version, "at": START}


QUEUED = (submitted(), routed(), assigned())
RUNNING = (*QUEUED, started())
FAILED = (*RUNNING, attempt_failed(), failed())
BLOCKED = (submitted(depends_on=["first", "second"]), routed(), blocked())
SCHEDULED = (submitted(scheduled_for=LATER), routed(), scheduled())
AGAIN = (*FAILED, retried(), assigned(8, life=2))
"""In the queue a second time, in a second life."""
