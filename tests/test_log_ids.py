"""Ids of any kind and aggregates of any length."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from callboard.events.errors import InvalidTokenError
from callboard.events.journal import Journal
from callboard.events.recorders import JetStreamApplicationRecorder
from callboard.events.subjects import MAX_ID_BYTES
from tests.support.event_log import event, events, open_journal
from tests.support.log_lines import captured
from tests.support.nats_server import NatsServer

IDS = [
    "a.b",
    "*",
    ">",
    "a.>",
    "a b",
    " ",
    "",
    "\n",
    "\r\nPUB x 0\r\n",
    "🎭",
    "日本語",
    "a/b\\c",
    "$JS",
    "=x",
    "~x",
    "%2E",
]


@pytest.fixture(scope="module")
def journal(nats_server: NatsServer) -> Iterator[Journal]:
    with open_journal(nats_server.url) as journal:
        yield journal


@pytest.fixture
def recorder(journal: Journal) -> JetStreamApplicationRecorder:
    return JetStreamApplicationRecorder(journal)


def stored(originator_id: UUID | str, version: int = 1) -> StoredEvent:
    return StoredEvent(originator_id, version, "thing.happened", repr(originator_id).encode("utf-8", "replace"))


@pytest.mark.parametrize("name", IDS, ids=ascii)
def test_any_text_is_an_id_of_its_own(recorder: JetStreamApplicationRecorder, name: str) -> None:
    saved = [stored(name), stored(name, 2)]
    ids = recorder.insert_events(saved)
    assert recorder.select_events(name) == saved
    assert ids is not None
    assert [each.originator_id for each in recorder.select_notifications(ids[0], 2)] == [name, name]


def test_ids_that_are_filters_do_not_see_the_events_of_others(recorder: JetStreamApplicationRecorder) -> None:
    recorder.insert_events(events("neighbour", 3))
    found = recorder.select_many(["neighbour", "neighbour.*", "neighbour.>", "neighbou?"])
    assert {name: len(each) for name, each in found.items()} == {
        "neighbour": 3,
        "neighbour.*": 0,
        "neighbour.>": 0,
        "neighbou?": 0,
    }


def test_a_uuid_and_its_text_are_two_aggregates(recorder: JetStreamApplicationRecorder) -> None:
    one = uuid4()
    for each in (one, str(one), one.hex, one.urn):
        recorder.insert_events([stored(each)])
    for other in (one, str(one), one.hex, one.urn):
        (found,) = recorder.select_events(other)
        assert found.originator_id == other
        assert isinstance(found.originator_id, type(other))


@given(st.text(max_size=40))
def test_any_text_reads_back(journal: Journal, name: str) -> None:
    recorder = JetStreamApplicationRecorder(journal)
    version = len(recorder.select_events(name)) + 1
    recorder.insert_events([stored(name, version)])
    assert recorder.select_events(name)[-1] == stored(name, version)


def test_an_id_too_long_for_a_subject_is_refused(recorder: JetStreamApplicationRecorder) -> None:
    recorder.insert_events([stored("ä" * (MAX_ID_BYTES // 2))])
    with pytest.raises(InvalidTokenError, match="at most 192 bytes"):
        recorder.insert_events([stored("ä" * (MAX_ID_BYTES // 2) + "b")])


@pytest.mark.parametrize("first", [0, 1])
def test_an_aggregate_longer_than_several_multi_gets(nats_server: NatsServer, first: int) -> None:
    with open_journal(nats_server.url) as journal:
        recorder = JetStreamApplicationRecorder(journal)
        every = list(range(first, first + 2_600))
        for start in range(0, len(every), 900):
            part = every[start : start + 900]
            recorder.insert_events([event("long", version, b"%d" % version) for version in part])
        recorder.insert_events(events("short", 3))

        def versions(**limits: int | bool) -> list[int]:
            found = recorder.select_events("long", **limits)  # type: ignore[arg-type]
            assert [int(each.state) for each in found] == [each.originator_version for each in found]
            return [each.originator_version for each in found]

        assert versions() == every
        assert versions(desc=True) == every[::-1]
        assert versions(desc=True, limit=1) == every[-1:]
        assert versions(gt=2_000, lte=2_003) == [2_001, 2_002, 2_003]
        assert versions(gt=every[-2]) == every[-1:]
        assert versions(gt=every[-1]) == []
        assert versions(lte=every[1]) == every[:2]
        assert versions(gt=100, limit=2) == [101, 102]
        both = recorder.select_many(["nobody", "long", "short"])
        assert {name: len(found) for name, found in both.items()} == {"nobody": 0, "long": 2_600, "short": 3}


def test_a_long_aggregate_with_gaps_in_its_versions(recorder: JetStreamApplicationRecorder) -> None:
    # As snapshots have them.
    every = range(7, 7 + 1_100 * 10, 10)
    for start in range(0, 1_100, 550):
        recorder.insert_events([event("gaps", version) for version in every[start : start + 550]])
    assert [each.originator_version for each in recorder.select_events("gaps")] == list(every)


def test_a_message_that_is_no_event_is_left_out_and_logged(nats_server: NatsServer) -> None:
    with captured() as log_lines, open_journal(nats_server.url) as journal:
        recorder = JetStreamApplicationRecorder(journal)
        recorder.insert_events([event("a", 1)])
        for subject in ("a.x.happened", "a.2", "~nohex.1.happened", "=\u00e4.1.happened"):
            journal.loop.run(journal.connection.request(f"{journal.prefix}.{subject}", b"?", timeout=5))
        recorder.insert_events([event("a", 2)])
        assert [each.originator_version for each in recorder.select_events("a")] == [1, 2]
        assert [each.id for each in recorder.select_notifications(1, 10)] == [1, 6]
        with recorder.subscribe() as subscription:
            assert [next(subscription).id, next(subscription).id] == [1, 6]
        assert log_lines.wait("log.stray_message")["stream"] == journal.stream
