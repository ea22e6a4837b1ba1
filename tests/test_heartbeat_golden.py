"""The stored bytes of heartbeats decode for ever."""

from datetime import UTC, datetime
from typing import Final

from msgspec import Raw

from callboard.events.heartbeat_events import (
    EVENTS,
    HeartbeatEvent,
    HeartbeatRemoved,
    HeartbeatSet,
    UnknownHeartbeatEvent,
    decode,
)
from tests.support.golden import Golden, GoldenEvents

GOLDEN: Final = Golden("heartbeat", decode)
AT: Final = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)

EXPECTED: Final[dict[str, HeartbeatEvent]] = {
    "set": HeartbeatSet(
        originator_id="sync-accounts",
        originator_version=1,
        at=AT,
        by="t19ca-12",
        agent="billing",
        input=Raw(b'{"do": "sync", "n": 1e3}'),
        cron="30 9 * * MON-FRI",
        timezone="Europe/Berlin",
        enabled=False,
        overlap="allow",
        delivery=[{"channel": "log"}],
    ),
    "set.every": HeartbeatSet(
        originator_id="sync-accounts",
        originator_version=2,
        at=AT,
        by="t19ca-13",
        last="sync-accounts-20260301T083000Z",
        agent="billing",
        input=Raw(b"null"),
        every_seconds=1.5,
    ),
    "removed": HeartbeatRemoved(originator_id="sync-accounts", originator_version=3, at=AT, by="t19ca-14"),
}


class TestHeartbeatEvents(GoldenEvents):
    golden = GOLDEN
    expected = EXPECTED
    events = EVENTS


def test_an_event_of_a_newer_version_can_be_read() -> None:
    body = b'{"id":"sync-accounts","version":4,"at":"2026-03-01T09:00:00Z","until":"2026-03-02T09:00:00Z"}'
    assert isinstance(decode("heartbeat.snoozed", body), UnknownHeartbeatEvent)
