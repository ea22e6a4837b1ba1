"""The answer to an append is lost: the log itself says what became of it. Never twice, never a false "failed"."""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

import pytest
from eventsourcing.persistence import StoredEvent

from callboard.events.errors import LogUnavailableError, VersionConflictError
from callboard.events.journal import Journal
from tests.support.event_log import event, events, open_journal
from tests.support.nats_server import NatsServer
from tests.support.proxy import Proxy
from tests.support.waiting import until

SOON = 0.3
"""How long an answer is waited for, in seconds."""

SIZES = [1, 2, 500]
COMMIT = b"Nats-Batch-Commit"
ACK = b'"seq":'


def append(journal: Journal, batch: Sequence[StoredEvent]) -> "Future[list[int]]":
    return journal.loop.spawn(journal.append(batch))


def last_words(size: int) -> bytes:
    """Return what stands in the last message of an append of ``size`` events."""
    return COMMIT if size > 1 else b"Callboard-Event"


def assert_stored_once(journal: Journal, batch: Sequence[StoredEvent], sequences: Sequence[int]) -> None:
    messages = journal.loop.run(journal.reader.page(1, 5_000, f"{journal.prefix}.>"))
    assert [message.seq for message in messages] == list(sequences)
    assert [journal.notification(message).originator_version for message in messages] == [
        each.originator_version for each in batch
    ]


def reading_back(journal: Journal) -> bool:
    return journal.connection.answers.waiting > 0


@pytest.mark.parametrize("size", SIZES)
def test_a_server_that_stops_for_longer_than_an_answer_is_waited_for(nats_server: NatsServer, size: int) -> None:
    with open_journal(nats_server.url, answer_seconds=SOON) as journal:
        batch = events("a", size)
        nats_server.suspend()
        try:
            pending = append(journal, batch)
            until(lambda: reading_back(journal), "the append is read back")
        finally:
            nats_server.resume()
        assert_stored_once(journal, batch, pending.result(30))


@pytest.mark.parametrize("size", SIZES)
def test_a_server_that_stops_between_storing_and_answering(nats_server: NatsServer, size: int) -> None:
    with Proxy(nats_server.url) as proxy, open_journal(nats_server.url, via=proxy.url, answer_seconds=SOON) as journal:
        batch = events("a", size)
        swallowed = proxy.swallow_answers_after(last_words(size))
        pending = append(journal, batch)
        swallowed.wait()
        until(lambda: reading_back(journal), "the append is read back")
        nats_server.suspend()
        proxy.cut()
        nats_server.resume()
        assert_stored_once(journal, batch, pending.result(30))


@pytest.mark.parametrize("size", SIZES)
def test_a_link_cut_between_storing_and_answering(nats_server: NatsServer, size: int) -> None:
    with Proxy(nats_server.url) as proxy, open_journal(nats_server.url, via=proxy.url, answer_seconds=SOON) as journal:
        batch = events("a", size)
        cut = proxy.cut_at_answer(ACK)
        pending = append(journal, batch)
        cut.wait()
        assert_stored_once(journal, batch, pending.result(30))


def test_a_broken_link_is_known_before_the_time_of_an_answer_is_over(nats_server: NatsServer) -> None:
    with Proxy(nats_server.url) as proxy, open_journal(nats_server.url, via=proxy.url, answer_seconds=60) as journal:
        cut = proxy.cut_at_answer(ACK)
        pending = append(journal, events("a", 2))
        cut.wait()
        assert pending.result(10) == [1, 2]


@pytest.mark.parametrize("size", SIZES)
def test_a_link_cut_right_after_the_last_message(nats_server: NatsServer, size: int) -> None:
    with Proxy(nats_server.url) as proxy, open_journal(nats_server.url, via=proxy.url, answer_seconds=SOON) as journal:
        batch = events("a", size)
        cut = proxy.cut_after(last_words(size))
        pending = append(journal, batch)
        cut.wait()
        assert_stored_once(journal, batch, pending.result(30))


@pytest.mark.parametrize("size", SIZES)
def test_a_link_cut_before_the_last_message(nats_server: NatsServer, size: int) -> None:
    with Proxy(nats_server.url) as proxy, open_journal(nats_server.url, via=proxy.url, answer_seconds=SOON) as journal:
        batch = events("a", size)
        cut = proxy.cut_before(last_words(size))
        pending = append(journal, batch)
        cut.wait()
        assert_stored_once(journal, batch, pending.result(30))


@pytest.mark.parametrize(
    ("size", "moment"),
    [
        (1, b"Callboard-Event"),
        (2, b"Nats-Batch-Sequence: 1\r"),
        (2, COMMIT),
        (500, b"Nats-Batch-Sequence: 1\r"),
        (500, b"Nats-Batch-Sequence: 250\r"),
        (500, COMMIT),
    ],
)
def test_a_server_killed_in_the_middle_and_started_again(
    fresh_nats_server: NatsServer, size: int, moment: bytes
) -> None:
    server = fresh_nats_server
    with Proxy(server.url) as proxy, open_journal(server.url, via=proxy.url, answer_seconds=SOON) as journal:
        batch = events("a", size)
        passed = proxy.watch(moment)
        pending = append(journal, batch)
        passed.wait()
        server.kill()
        server.start()
        assert_stored_once(journal, batch, pending.result(30))


def test_many_appends_while_the_server_is_killed_again_and_again(fresh_nats_server: NatsServer) -> None:
    server = fresh_nats_server
    with open_journal(server.url, answer_seconds=SOON) as journal:
        pending: list[Future[list[int]]] = []
        for burst in range(5):
            pending += [append(journal, events(f"a{burst}-{number}", 1 + number % 3)) for number in range(40)]
            wait(pending[-40:], timeout=20, return_when=FIRST_COMPLETED)
            server.kill()
            server.start()
        sequences = [seq for future in pending for seq in future.result(30)]
        assert sorted(sequences) == list(range(1, len(sequences) + 1))


def test_another_writer_wins_while_the_outcome_is_unknown(nats_server: NatsServer) -> None:
    with (
        Proxy(nats_server.url) as proxy,
        open_journal(nats_server.url, via=proxy.url, answer_seconds=SOON) as slow,
        open_journal(nats_server.url, stream=slow.stream) as quick,
    ):
        cut = proxy.cut_before(b"Callboard-Event")
        pending = append(slow, [event("a", 1, b"slow")])
        cut.wait()
        proxy.refuse()
        append(quick, [event("a", 1, b"quick")]).result(10)
        proxy.accept()
        with pytest.raises(VersionConflictError):
            pending.result(30)
        (stored,) = quick.loop.run(quick.load(["a"]))["a"]
        assert stored.state == b"quick"


def test_another_writer_takes_one_version_of_a_batch_whose_outcome_is_unknown(nats_server: NatsServer) -> None:
    with (
        Proxy(nats_server.url) as proxy,
        open_journal(nats_server.url, via=proxy.url, answer_seconds=SOON) as slow,
        open_journal(nats_server.url, stream=slow.stream) as quick,
    ):
        cut = proxy.cut_before(COMMIT)
        pending = append(slow, [*events("a", 3), event("b", 1), event("c", 1)])
        cut.wait()
        proxy.refuse()
        append(quick, [event("b", 1, b"quick")]).result(10)
        proxy.accept()
        with pytest.raises(VersionConflictError, match=r"\.b\.1\."):
            pending.result(30)
        stored = quick.loop.run(quick.load(["a", "b", "c"]))
        assert {name: [each.state for each in found] for name, found in stored.items()} == {
            "a": [],
            "b": [b"quick"],
            "c": [],
        }


def test_a_server_that_stays_away_is_not_called_a_failure(fresh_nats_server: NatsServer) -> None:
    with open_journal(fresh_nats_server.url, answer_seconds=SOON) as journal:
        record = journal.record(event("a", 1))
        fresh_nats_server.kill()
        with pytest.raises(LogUnavailableError, match="may or may not be stored"):
            journal.loop.run(journal.appender.append([record], deadline=1.0))
        fresh_nats_server.start()
        # Nothing was sent, and nothing is sent later by itself.
        journal.loop.run(journal.append([event("b", 1)]))
        assert journal.loop.run(journal.load(["a"])) == {"a": []}


def test_a_closed_connection_says_so_at_once(nats_server: NatsServer) -> None:
    with open_journal(nats_server.url) as journal:
        journal.loop.run(journal.connection.close())
        with pytest.raises(LogUnavailableError, match="connection closed"):
            journal.loop.run(journal.append([event("a", 1)]), 5)
        with pytest.raises(LogUnavailableError, match="connection closed"):
            journal.loop.run(journal.load(["a"]), 5)
