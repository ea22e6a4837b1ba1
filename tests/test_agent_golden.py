"""The bytes of agents' events: what was stored once is read for ever, and what is written is what was agreed on."""

from datetime import UTC, datetime
from typing import Any

from callboard.events.agent_events import EVENTS, AgentEvent, Announced, Forgotten, decode
from tests.support.golden import Golden, GoldenEvents

GOLDEN = Golden("agent", decode)


def head(version: int) -> dict[str, Any]:
    at = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
    return {"originator_id": "billing", "originator_version": version, "at": at}


EXPECTED: dict[str, AgentEvent] = {
    "announced": Announced(
        kinds=("refund",),
        keywords=("invoice", "money back"),
        fallback=True,
        rule=True,
        concurrency=4,
        timeout_seconds=2.5,
        max_attempts=7,
        retry_base_seconds=0.5,
        retry_factor=3.0,
        retry_cap_seconds=60.0,
        **head(1),
    ),
    "announced.plain": Announced(**head(2)),
    "forgotten": Forgotten(**head(3)),
}


class TestAgentEvents(GoldenEvents):
    golden = GOLDEN
    expected = EXPECTED
    events = EVENTS


def test_an_event_of_a_newer_version_says_nothing_here() -> None:
    assert decode("agent.tuned", b'{"id":"billing","version":4,"at":7}') is None


def test_topics_are_frozen() -> None:
    assert [cls.TOPIC for cls in EVENTS] == GOLDEN.frozen_topics
