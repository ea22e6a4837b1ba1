"""One save is stored whole or not at all, whatever is wrong with it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from eventsourcing.persistence import DataError, IntegrityError, ProgrammingError

from callboard.events.appender import MAX_BATCH, Record
from callboard.events.errors import (
    BatchTooLargeError,
    EventTooLargeError,
    InvalidValueError,
    LogRefusedError,
    VersionConflictError,
)
from callboard.events.journal import Journal
from callboard.events.recorders import JetStreamApplicationRecorder
from callboard.server import CONFIG
from tests.support.event_log import event, events, open_journal
from tests.support.nats_server import NatsServer

RIGHTS = """
authorization { users: [
  { user: admin, password: secret }
  { user: reader, password: secret, permissions: { publish: ["$JS.>"], subscribe: ">" } }
] }
"""


@pytest.fixture
def journal(nats_server: NatsServer) -> Iterator[Journal]:
    with open_journal(nats_server.url) as journal:
        yield journal


@pytest.fixture
def recorder(journal: Journal) -> JetStreamApplicationRecorder:
    return JetStreamApplicationRecorder(journal)


def test_a_version_twice_in_one_save_is_a_conflict(recorder: JetStreamApplicationRecorder) -> None:
    with pytest.raises(IntegrityError, match=r"\.a\.2\."):
        recorder.insert_events([event("a", 1), event("a", 2), event("a", 2, b"other", "thing.else")])
    assert recorder.max_notification_id() is None


def test_a_taken_version_anywhere_in_a_save_stores_nothing_and_is_named(recorder: JetStreamApplicationRecorder) -> None:
    recorder.insert_events([event("b", 1)])
    with pytest.raises(VersionConflictError, match=r"\.b\.1\.happened"):
        recorder.insert_events([event("a", 1), event("b", 1), event("c", 1)])
    assert recorder.max_notification_id() == 1


def test_the_largest_save_is_stored_and_one_more_event_is_refused(recorder: JetStreamApplicationRecorder) -> None:
    with pytest.raises(BatchTooLargeError, match="at most 1000 events in one save, got 1001") as refused:
        recorder.insert_events(events("a", MAX_BATCH + 1))
    assert isinstance(refused.value, ProgrammingError)
    assert recorder.max_notification_id() is None
    assert recorder.insert_events(events("a", MAX_BATCH)) == list(range(1, MAX_BATCH + 1))


def test_notification_ids_are_contiguous_over_saves_of_any_size(recorder: JetStreamApplicationRecorder) -> None:
    sizes = enumerate((1, 2, 1, 40, 1))
    ids = [recorder.insert_events(events(f"a{number}", size)) or [] for number, size in sizes]
    assert [number for each in ids for number in each] == list(range(1, 46))


@pytest.mark.parametrize("others", [0, 3])
def test_an_event_larger_than_the_server_takes_stores_nothing(
    recorder: JetStreamApplicationRecorder, journal: Journal, others: int
) -> None:
    limit = journal.connection.max_payload
    with pytest.raises(EventTooLargeError, match=f"at most {limit} bytes") as refused:
        recorder.insert_events([*events("a", others), event("b", 1, bytes(limit))])
    assert isinstance(refused.value, DataError)
    # The server closes a connection that sends too much; this one lives on.
    assert recorder.insert_events([event("b", 1, bytes(limit - 1_000))]) == [1]


def test_a_save_far_larger_than_any_buffer_on_the_way(recorder: JetStreamApplicationRecorder) -> None:
    ids = recorder.insert_events([event("a", version, bytes(300_000)) for version in range(300)])
    assert ids == list(range(1, 301))
    # The server cuts such an answer short and says so; the rest is asked for.
    assert [len(each.state) for each in recorder.select_events("a")] == [300_000] * 300
    assert [each.id for each in recorder.select_notifications(1, 300)] == ids


def test_an_empty_save_is_nothing(recorder: JetStreamApplicationRecorder, journal: Journal) -> None:
    assert recorder.insert_events([]) == []
    assert journal.loop.run(journal.append([])) == []


@pytest.mark.parametrize("topic", ["a\r\nNats-Rollup: all", "a\nb", " a", "a\t", ""])
def test_a_topic_that_would_break_its_header_is_refused(recorder: JetStreamApplicationRecorder, topic: str) -> None:
    with pytest.raises(InvalidValueError, match="topic of one line"):
        recorder.insert_events([event("a", 1, topic=topic)])
    assert recorder.max_notification_id() is None


@pytest.mark.parametrize("topic", ["thing.happened", "thing.a b", "other.happened", "mod.ule:Class.Größe", "thing."])
def test_any_other_topic_reads_back_as_it_was(recorder: JetStreamApplicationRecorder, topic: str) -> None:
    recorder.insert_events([event("a", 1, topic=topic), event("b", 1, topic=topic)])
    assert [each.topic for each in recorder.select_notifications(1, 10)] == [topic, topic]
    assert [each.topic for each in recorder.select_events("b")] == [topic]


def test_many_saves_at_once_are_all_stored(recorder: JetStreamApplicationRecorder, journal: Journal) -> None:
    # The server takes 50 batches at a time and refuses the others, which are sent again.
    pending = [journal.loop.spawn(journal.append(events(f"a{number}", 30))) for number in range(120)]
    ids = [each for future in pending for each in future.result(60)]
    assert sorted(ids) == list(range(1, 3_601))
    assert recorder.max_notification_id() == 3_600


def test_no_stream_takes_the_events(journal: Journal) -> None:
    record = Record("nobody.a.1.happened", "nobody.a.1.>", b"{}")
    with pytest.raises(LogRefusedError, match=r"no stream takes nobody\.a\.1\.happened"):
        journal.loop.run(journal.appender.append([record], deadline=0.3))


def test_a_stream_that_is_full_refuses_and_stores_nothing(nats_server: NatsServer, journal: Journal) -> None:
    config = {
        "name": "FULL",
        "subjects": ["full.>"],
        "max_msgs": 2,
        "discard": "new",
        "allow_atomic": True,
        "allow_direct": True,
    }
    created = journal.connection.request("$JS.API.STREAM.CREATE.FULL", msgspec.json.encode(config), timeout=5)
    assert b"error" not in journal.loop.run(created).data
    with open_journal(nats_server.url, stream="FULL") as full:
        full.loop.run(full.append([event("a", 1)]))
        with pytest.raises(LogRefusedError, match="maximum messages exceeded"):
            full.loop.run(full.append(events("b", 3)))
        assert full.loop.run(full.load(["b"])) == {"b": []}
        full.loop.run(full.append([event("a", 2)]))
        with pytest.raises(LogRefusedError, match="maximum messages exceeded"):
            full.loop.run(full.append([event("a", 3)]))


def test_a_user_without_the_right_to_publish_is_told_so(tmp_path: Path) -> None:
    config = tmp_path / "nats.conf"
    config.write_text(CONFIG.read_text(encoding="utf-8") + RIGHTS, encoding="utf-8")
    server = NatsServer(tmp_path, config)
    try:
        admin, reader = (server.url.replace("//", f"//{user}:secret@") for user in ("admin", "reader"))
        with open_journal(admin) as journal, open_journal(reader, stream=journal.stream, answer_seconds=0.3) as denied:
            for batch in (events("a", 1), events("a", 3)):
                with pytest.raises(LogRefusedError, match="no right to publish to"):
                    denied.loop.run(denied.append(batch), 10)
            assert denied.loop.run(denied.load(["a"])) == {"a": []}
    finally:
        server.kill()
