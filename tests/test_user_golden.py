"""The stored bytes of what is known of users decode for ever."""

from datetime import UTC, datetime
from typing import Any, Final

from callboard.events.user_events import (
    EVENTS,
    RuleAccepted,
    RuleProposed,
    RuleRejected,
    UnknownUserEvent,
    UserEvent,
    decode,
    rule_of,
)
from tests.support.golden import Golden, GoldenEvents

GOLDEN: Final = Golden("user", decode)
AT: Final = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
HEAD: Final[dict[str, Any]] = {"originator_id": "ada ü", "at": AT, "user_id": "ada ü"}
RULE: Final[dict[str, Any]] = {
    "when": {"intent": "meeting", "with": "coffee", "people": 2, "outside": False},
    "field": "time",
    "value": "15:00",
}

EXPECTED: Final[dict[str, UserEvent]] = {
    "rule_proposed": RuleProposed(
        **HEAD,
        **RULE,
        originator_version=1,
        rule="r-4bb88ba738b359f8",
        support=9,
        seen=10,
        confidence=0.9,
        bound=0.65,
        events=[3, 70],
        requests=[5, 8],
    ),
    "rule_proposed.fading": RuleProposed(
        **HEAD,
        **RULE,
        originator_version=4,
        rule="r-4bb88ba738b359f8",
        support=9,
        seen=20,
        confidence=0.45,
        bound=0.28,
        events=[3, 70],
        requests=[5, 8],
        fading=True,
    ),
    "rule_accepted": RuleAccepted(
        **HEAD,
        **RULE,
        originator_version=2,
        rule="r-4bb88ba738b359f8",
        confidence=0.9,
        bound=0.65,
        reason="she says so",
    ),
    "rule_rejected": RuleRejected(**HEAD, originator_version=3, rule="r-4bb88ba738b359f8", reason="no longer"),
}


class TestUserEvents(GoldenEvents):
    golden = GOLDEN
    expected = EXPECTED
    events = EVENTS


def test_an_event_of_a_newer_version_can_be_read() -> None:
    body = b'{"id":"ada","version":4,"at":"2026-03-01T09:00:00Z","user_id":"ada"}'
    assert isinstance(decode("user.rule_retired", body), UnknownUserEvent)


def test_a_rule_is_called_the_same_for_ever() -> None:
    event = EXPECTED["rule_proposed"]
    assert isinstance(event, RuleProposed)
    assert rule_of(event).id == event.rule
