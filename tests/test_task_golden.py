import json

import msgspec
import pytest

from callboard.events.task import evolve
from callboard.events.task_events import EVENTS, UnknownEvent, decode
from tests.support.golden import Golden, GoldenEvents
from tests.support.golden_tasks import EXPECTED
from tests.support.task_story import RUNNING

GOLDEN = Golden("task", decode)


class TestTaskEvents(GoldenEvents):
    golden = GOLDEN
    expected = EXPECTED
    events = EVENTS


@pytest.mark.parametrize("name", EXPECTED)
def test_any_json_reader_can_read_an_event(name: str) -> None:
    body = json.loads(GOLDEN.stored(name))
    assert list(body)[:3] == ["id", "version", "at"]
    assert body["at"] == "2026-03-01T09:00:00.123456Z"


def test_topics_are_frozen() -> None:
    frozen = GOLDEN.frozen_topics
    assert [cls.TOPIC for cls in EVENTS] == frozen
    assert len(set(frozen)) == len(frozen)


def test_an_event_of_a_newer_version_is_counted_and_otherwise_left_alone() -> None:
    body = b'{"id":"task-1","version":5,"at":"2026-03-01T09:00:00Z","until":"2026-03-02T09:00:00Z"}'
    event = decode("task.paused", body)
    assert isinstance(event, UnknownEvent)
    state = None
    for past in RUNNING:
        state = evolve(state, past)
    after = evolve(state, event)
    assert after.version == 5
    assert state == msgspec.structs.replace(after, version=4)


def test_a_body_that_does_not_fit_its_topic_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="worker"):
        decode("task.started", b'{"id":"task-1","version":4,"at":"2026-03-01T09:00:00Z"}')
    with pytest.raises(msgspec.DecodeError):
        decode("task.started", b"")
