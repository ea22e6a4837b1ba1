"""What may happen to one task, in which order and with which fields: the protocol's table of events, walked."""

import re
from dataclasses import dataclass, field
from typing import Any

from tests.support.wire_event import TERMINAL, WireEvent

BANDS = ("critical", "high", "normal", "low", "background")
METHODS = {"explicit", "keyword", "rule", "semantic", "llm", "fallback"}
DELIVERIES = {"delivered", "delivery_failed"}
WAITING = {"cancelled", "expired"}
RUNNING = {"progressed", "attempt_failed", "completed", "cancelled"}
NEXT: dict[str, set[str]] = {
    "": {"submitted"},
    "submitted": {"routed", "failed"},
    "routed": {"blocked", "expired", "scheduled", "assigned"},
    "blocked": {"unblocked", "failed", *WAITING},
    "unblocked": {"expired", "scheduled", "assigned"},
    "scheduled": {"assigned", *WAITING},
    "assigned": {"started", *WAITING},
    "started": RUNNING,
    "progressed": RUNNING,
    "attempt_failed": {"assigned", "scheduled", "failed"},
    "completed": {"archived", *DELIVERIES},
    "failed": {"retried", "archived", *DELIVERIES},
    "cancelled": {"retried", "archived"},
    "expired": {"retried", "archived"},
    "retried": {"routed", "blocked", "assigned"},
    "archived": set(),
}
TOGETHER = {"submitted", "routed", "unblocked", "attempt_failed", "retried"}
"""What stands in one batch with the event that follows: a task never rests there."""

SUBMISSION = {
    "kind",
    "scheduled_for",
    "expires_at",
    "timeout_seconds",
    "max_attempts",
    "depends_on",
    "parent_id",
    "user_id",
    "session_id",
    "tenant_id",
    "delivery",
    "metadata",
    "heartbeat",
}
FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "submitted": ({"input", "priority"}, SUBMISSION),
    "routed": ({"agent", "confidence", "method", "reason"}, {"intent", "entities", "max_attempts"}),
    "blocked": ({"on"}, set()),
    "unblocked": ({"on"}, set()),
    "scheduled": ({"due", "why"}, set()),
    "assigned": ({"agent", "priority", "attempt"}, {"max_attempts", "life"}),
    "started": ({"worker", "attempt"}, set()),
    "progressed": (set(), {"fraction", "note"}),
    "attempt_failed": ({"error", "attempt", "retryable"}, {"released"}),
    "completed": ({"output", "duration_ms"}, set()),
    "failed": ({"error", "attempts"}, set()),
    "cancelled": ({"reason"}, {"by"}),
    "expired": (set(), set()),
    "retried": (set(), {"reason", "by"}),
    "archived": (set(), set()),
    "delivered": ({"channel", "attempt", "index"}, {"receipt"}),
    "delivery_failed": ({"channel", "attempt", "index", "error", "final"}, {"next_at"}),
}
"""Fields an event must have, and those it may have, besides ``id``, ``version`` and ``at``."""

_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass
class TaskHistory:
    """The events of one task so far; :meth:`add` fails on one that must not follow.

    What is counted is counted in the present life.
    """

    task_id: str
    events: list[WireEvent] = field(default_factory=list)
    status: str = ""
    agent: str = ""
    life: int = 1
    attempt: int = 0
    started: int = 0
    released: int = 0
    tried: dict[int, int] = field(default_factory=dict)
    over: set[int] = field(default_factory=set)

    def add(self, event: WireEvent) -> None:
        """Check that ``event`` may follow, and take it in."""
        where = f"{event.subject} at {event.seq}"
        assert event.version == len(self.events) + 1, f"{where}: a gap or a repeat in the versions"
        assert event.name in NEXT[self.status], f"{where}: must not follow {self.status or 'nothing'}"
        body = event.body
        assert (body["id"], body["version"]) == (self.task_id, event.version), where
        assert _AT.fullmatch(body["at"]), where
        required, optional = FIELDS[event.name]
        assert required <= event.fields.keys() <= required | optional, f"{where}: {sorted(event.fields)}"
        if self.status in TOGETHER:
            self._together(event)
        getattr(self, f"_{event.name}", lambda _event: None)(event)
        if event.name not in DELIVERIES:
            self.status = event.name
        self.events.append(event)

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL or self.archived

    @property
    def archived(self) -> bool:
        return self.status == "archived"

    @property
    def lived(self) -> list[WireEvent]:
        """The events of the present life."""
        begins = max((number for number, event in enumerate(self.events) if event.name == "retried"), default=0)
        return self.events[begins:]

    @property
    def attempts(self) -> int:
        """How many attempts were started and not handed back."""
        return self.started - self.released

    @property
    def undelivered(self) -> set[int]:
        """The targets whose delivery is neither made nor given up."""
        if self.status not in {"completed", "failed"}:
            return set()
        return set(range(len(self._targets))) - self.over

    @property
    def _targets(self) -> list[dict[str, Any]]:
        targets: list[dict[str, Any]] = self.events[0].fields.get("delivery", [])
        return targets

    def _together(self, event: WireEvent) -> None:
        assert event.seq == self.events[-1].seq + 1, f"{event.subject}: expected in one batch with what leads to it"

    def _routed(self, event: WireEvent) -> None:
        fields = event.fields
        assert fields["method"] in METHODS
        assert 0 <= fields["confidence"] <= 1
        assert fields["reason"]
        self.agent = fields["agent"]

    def _blocked(self, event: WireEvent) -> None:
        assert event.fields["on"] == list(dict.fromkeys(self.events[0].fields["depends_on"]))

    def _unblocked(self, event: WireEvent) -> None:
        assert event.fields["on"] == self.events[-1].fields["on"]

    def _scheduled(self, event: WireEvent) -> None:
        assert _AT.fullmatch(event.fields["due"])
        assert event.fields["why"] == ("retry" if self.status == "attempt_failed" else "requested")

    def _assigned(self, event: WireEvent) -> None:
        fields = event.fields
        assert event.tail == [fields["agent"], fields["priority"]]
        assert fields["priority"] in BANDS
        assert fields["agent"] == self.agent
        assert fields.get("life", 1) == self.life
        assert fields["attempt"] == self.attempt + 1
        self.attempt += 1
        assert self.attempt - self.released <= fields.get("max_attempts", 3)

    def _expired(self, _event: WireEvent) -> None:
        assert "expires_at" in self.events[0].fields
        assert (self.life, self.started) == (1, 0)

    def _retried(self, _event: WireEvent) -> None:
        self.life += 1
        self.attempt = self.started = self.released = 0
        self.tried, self.over = {}, set()

    def _archived(self, event: WireEvent) -> None:
        assert not self.undelivered, f"{event.subject}: before its result was delivered"

    def _started(self, event: WireEvent) -> None:
        assert event.fields["attempt"] == self.attempt
        assert event.fields["worker"]
        self.started += 1

    def _progressed(self, event: WireEvent) -> None:
        assert 0 <= event.fields.get("fraction", 0) <= 1

    def _attempt_failed(self, event: WireEvent) -> None:
        assert event.fields["attempt"] == self.attempt
        _check_error(event)
        self.released += bool(event.fields.get("released"))

    def _completed(self, event: WireEvent) -> None:
        assert event.fields["duration_ms"] >= 0

    def _failed(self, event: WireEvent) -> None:
        _check_error(event)
        assert event.fields["attempts"] == self.attempts

    def _delivered(self, event: WireEvent) -> None:
        self._tried(event, final=True)

    def _delivery_failed(self, event: WireEvent) -> None:
        _check_error(event)
        self._tried(event, final=event.fields["final"])

    def _tried(self, event: WireEvent, *, final: bool) -> None:
        index = event.fields["index"]
        assert index not in self.over, f"{event.subject}: after the end of its delivery"
        assert event.fields["channel"] == self._targets[index]["channel"]
        self.tried[index] = self.tried.get(index, 0) + 1
        assert event.fields["attempt"] == self.tried[index]
        if final:
            self.over.add(index)


def _check_error(event: WireEvent) -> None:
    error = event.fields["error"]
    assert {"type", "message"} <= set(error) <= {"type", "message", "traceback"}
    assert error["type"]
    assert "traceback" not in error or event.name == "attempt_failed"
