"""Every task event with fixed values: what the stored bytes in ``tests/golden/task`` decode into, for ever."""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Raw

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
    TaskEvent,
    Unblocked,
)


def _envelope(version: int) -> dict[str, Any]:
    return {
        "originator_id": "invoice-2026_03",
        "originator_version": version,
        "at": datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC),
    }


TIMEOUT: Final = TaskError("Timeout", "the attempt took longer than 60 s")

EXPECTED: Final[dict[str, TaskEvent]] = {
    "submitted": Submitted(
        **_envelope(1),
        input=Raw(b'{"text": "Wo ist meine Rechnung? \xf0\x9f\xa7\xbe", "order": 1e3, "a\\u0062": [ ]}'),
        priority=3,
        kind="follow_up",
        scheduled_for=datetime(2026, 3, 2, 8, 30, tzinfo=UTC),
        expires_at=datetime(2026, 3, 3, tzinfo=UTC),
        timeout_seconds=2.5,
        max_attempts=5,
        depends_on=["first", "second"],
        parent_id="parent",
        user_id="user 1",
        session_id="session/1",
        tenant_id="tenant.1",
        delivery=[{"channel": "log"}, {"channel": "webhook", "url": "https://example.com/hook"}],
        metadata={"trace": "00-ab", "tags": ["a", None, 1.5, True], "größe": 12345678901234567890123},
    ),
    "submitted.minimal": Submitted(**_envelope(1), input=Raw(b"null"), priority="normal"),
    "submitted.heartbeat": Submitted(**_envelope(1), input=Raw(b"null"), priority="low", heartbeat="daily"),
    "routed": Routed(
        **_envelope(2),
        agent="billing",
        confidence=0.75,
        method="keyword",
        reason="matched keywords invoice, refund (2 of 3)",
        intent="refund",
        entities={"invoice": "A-1"},
    ),
    "routed.minimal": Routed(
        **_envelope(2), agent="billing", confidence=1.0, method="explicit", reason="asked for by name"
    ),
    "routed.limit": Routed(
        **_envelope(2), agent="billing", confidence=1.0, method="explicit", reason="asked for by name", max_attempts=7
    ),
    "blocked": Blocked(**_envelope(3), on=["first", "second"]),
    "unblocked": Unblocked(**_envelope(4), on=["first", "second"]),
    "scheduled": Scheduled(**_envelope(3), due=datetime(2026, 3, 2, 8, 30, tzinfo=UTC), why="requested"),
    "scheduled.retry": Scheduled(**_envelope(7), due=datetime(2026, 3, 1, 9, 0, 2, 623456, tzinfo=UTC), why="retry"),
    "assigned": Assigned(**_envelope(3), agent="billing", priority="high", attempt=2, max_attempts=5),
    "assigned.minimal": Assigned(**_envelope(3), agent="billing", priority="normal", attempt=1, max_attempts=3),
    "assigned.life": Assigned(**_envelope(9), agent="billing", priority="normal", attempt=1, life=2),
    "started": Started(**_envelope(4), worker="host-1-4711", attempt=2),
    "progressed": Progressed(**_envelope(5), fraction=0.5, note="looking up the invoice"),
    "progressed.minimal": Progressed(**_envelope(5)),
    "attempt_failed": AttemptFailed(
        **_envelope(6), error=TaskError("Released", "the worker stops"), attempt=2, retryable=True, released=True
    ),
    "attempt_failed.minimal": AttemptFailed(**_envelope(6), error=TIMEOUT, attempt=2, retryable=False),
    "attempt_failed.traceback": AttemptFailed(
        **_envelope(6),
        error=TaskError(
            "ValueError", "no such invoice", 'File "agents.py", line 7, in ask\n    raise ValueError("größe")'
        ),
        attempt=1,
        retryable=True,
    ),
    "completed": Completed(**_envelope(7), output=Raw(b'{"answer":"it is on its way"}'), duration_ms=1234.567),
    "completed.minimal": Completed(**_envelope(7), output=Raw(b"null"), duration_ms=0.0),
    "failed": Failed(**_envelope(7), error=TIMEOUT, attempts=3),
    "cancelled": Cancelled(**_envelope(7), reason="not needed any more"),
    "cancelled.minimal": Cancelled(**_envelope(7), reason=None),
    "cancelled.command": Cancelled(**_envelope(7), reason=None, by="5ZbKJ1-17"),
    "expired": Expired(**_envelope(4)),
    "retried": Retried(**_envelope(8), reason="the bank is back", by="5ZbKJ1-18"),
    "retried.minimal": Retried(**_envelope(8)),
    "archived": Archived(**_envelope(9)),
    "delivered": Delivered(**_envelope(8), channel="webhook", attempt=2, index=1, receipt={"status": 204}),
    "delivered.minimal": Delivered(**_envelope(8), channel="log", attempt=1, index=0),
    "delivery_failed": DeliveryFailed(
        **_envelope(8), channel="webhook", attempt=1, index=1, error=TaskError("HTTP", "answered 503"), final=True
    ),
    "delivery_failed.again": DeliveryFailed(
        **_envelope(8),
        channel="webhook",
        attempt=1,
        index=1,
        error=TaskError("HTTP", "answered 503"),
        final=False,
        next_at=datetime(2026, 3, 1, 9, 0, 2, 500000, tzinfo=UTC),
    ),
}
"""File name, without its ending, to event; ``minimal`` leaves out every field that may be left out."""
