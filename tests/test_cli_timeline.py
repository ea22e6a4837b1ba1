"""The timeline of a task: who wrote each event, and what it says."""

from datetime import UTC, datetime
from typing import Any

import pytest

from callboard.cli.timeline import describe, timeline
from callboard.event_info import EventInfo

AT = datetime(2026, 1, 31, 9, tzinfo=UTC)
DUE = "2026-01-31T10:00:00.5Z"

STORIES = {
    "a pause before the next attempt": [
        ("submitted", {}, "orchestrator"),
        ("routed", {"agent": "ocr"}, "orchestrator"),
        ("assigned", {"agent": "ocr"}, "orchestrator"),
        ("started", {}, "ocr"),
        ("attempt_failed", {}, "ocr"),
        ("scheduled", {"why": "retry"}, "ocr"),
        ("assigned", {"agent": "ocr"}, "scheduler"),
        ("started", {}, "ocr"),
        ("attempt_failed", {}, "ocr"),
        ("assigned", {"agent": "ocr"}, "ocr"),
        ("started", {}, "ocr"),
        ("attempt_failed", {}, "ocr"),
        ("failed", {}, "ocr"),
        ("delivery_failed", {}, "delivery"),
        ("retried", {}, "orchestrator"),
        ("assigned", {"agent": "ocr"}, "orchestrator"),
        ("delivered", {}, "delivery"),
        ("started", {}, "ocr"),
        ("completed", {}, "ocr"),
        ("archived", {}, "cleanup"),
    ],
    "others first, then its time": [
        ("submitted", {}, "orchestrator"),
        ("routed", {"agent": "ocr"}, "orchestrator"),
        ("blocked", {"on": ["a"]}, "orchestrator"),
        ("unblocked", {"on": ["a"]}, "orchestrator"),
        ("scheduled", {"why": "requested"}, "orchestrator"),
        ("assigned", {"agent": "ocr"}, "scheduler"),
        ("expired", {}, "scheduler"),
    ],
    "a delivery of an earlier life": [
        ("scheduled", {"why": "retry"}, "orchestrator"),
        ("delivered", {}, "delivery"),
        ("assigned", {"agent": "ocr"}, "scheduler"),
    ],
    "in vain": [
        ("submitted", {}, "orchestrator"),
        ("routed", {"agent": "ocr"}, "orchestrator"),
        ("blocked", {"on": ["a"]}, "orchestrator"),
        ("failed", {}, "orchestrator"),
    ],
    "too late at once": [
        ("submitted", {}, "orchestrator"),
        ("routed", {"agent": "ocr"}, "orchestrator"),
        ("expired", {}, "orchestrator"),
    ],
    "a heartbeat": [
        ("submitted", {"heartbeat": "daily"}, "scheduler"),
        ("routed", {"agent": "ocr"}, "scheduler"),
        ("assigned", {"agent": "ocr"}, "scheduler"),
        ("cancelled", {}, "orchestrator"),
    ],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_each_event_is_credited_to_who_wrote_it(story: list[tuple[str, dict[str, Any], str]]) -> None:
    rows = timeline(event(name, body, version) for version, (name, body, _) in enumerate(story, 1))

    assert [(row[3].plain, row[4].plain) for row in rows] == [(name, writer) for name, _, writer in story]


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("scheduled", {"due": DUE, "why": "retry"}, "due 2026-01-31 10:00:00.500Z, retry"),
        ("scheduled", {"due": "soon", "why": "requested"}, "due soon, requested"),
        ("blocked", {"on": ["a", "b"]}, "waits for a, b"),
        ("unblocked", {"on": ["a", "b"]}, "completed: a, b"),
        ("expired", {}, "not started in time"),
        ("retried", {"reason": "fixed"}, "fixed"),
        ("retried", {}, "a new life"),
        ("archived", {}, "left the views"),
        ("unheard_of", {"on": 1}, ""),
    ],
)
def test_an_event_says_what_happened(name: str, body: dict[str, Any], words: str) -> None:
    assert describe(event(name, body)) == words


def event(name: str, body: dict[str, Any], version: int = 1) -> EventInfo:
    return EventInfo(event=name, kind="task", id="a", task_id="a", version=version, at=AT, body=body)
