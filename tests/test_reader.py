"""Reading straight from a stream: whole answers or none, whatever happens on the way."""

from collections.abc import Iterator

import pytest

from callboard.events.errors import LogUnavailableError
from callboard.events.journal import Journal
from callboard.events.reader import Reader, StoredMessage, TooManyResultsError
from tests.support.event_log import event, events, open_journal
from tests.support.nats_server import NatsServer
from tests.support.proxy import Proxy
from tests.support.waiting import until


@pytest.fixture
def journal(nats_server: NatsServer) -> Iterator[Journal]:
    with open_journal(nats_server.url) as journal:
        yield journal


def fill(journal: Journal, aggregates: int, each: int, size: int = 2) -> None:
    """Store ``each`` events of ``size`` bytes for every one of so many aggregates, in turn."""
    every = [
        event(f"a{number}", version, bytes(size)) for version in range(1, each + 1) for number in range(aggregates)
    ]
    for start in range(0, len(every), 1_000):
        journal.loop.run(journal.append(every[start : start + 1_000]))


def seqs(messages: list[StoredMessage]) -> list[int]:
    return [message.seq for message in messages]


def test_more_filters_than_one_request_takes(journal: Journal) -> None:
    fill(journal, 1_200, 1)
    filters = [f"{journal.prefix}.a{number}.>" for number in range(1_300)]
    assert seqs(journal.loop.run(journal.reader.last(filters))) == list(range(1, 1_201))
    assert journal.loop.run(journal.reader.last([])) == []


def test_more_results_than_one_request_takes(journal: Journal) -> None:
    fill(journal, 300, 8)
    filters = [f"{journal.prefix}.a{number}.>" for number in range(300)]
    assert seqs(journal.loop.run(journal.reader.last(filters))) == list(range(1, 2_401))
    with pytest.raises(TooManyResultsError):
        journal.loop.run(journal.reader.last([f"{journal.prefix}.a1.>", f"{journal.prefix}.>"]))


def test_pages_and_the_newest(journal: Journal) -> None:
    assert journal.loop.run(journal.reader.latest()) is None
    assert journal.loop.run(journal.reader.page(1, 10)) == []
    fill(journal, 3, 4)
    reader = journal.reader
    assert seqs(journal.loop.run(reader.page(0, 5))) == [1, 2, 3, 4, 5]
    assert seqs(journal.loop.run(reader.page(11, 5))) == [11, 12]
    assert seqs(journal.loop.run(reader.page(13, 5))) == []
    assert seqs(journal.loop.run(reader.page(2, 3, f"{journal.prefix}.a1.>"))) == [2, 5, 8]
    newest = journal.loop.run(reader.latest(f"{journal.prefix}.a0.>"))
    assert newest is not None
    assert (newest.seq, newest.subject) == (10, f"{journal.prefix}.a0.4.happened")
    assert newest.event_id.endswith(".9")


def test_an_answer_that_the_server_cuts_short_is_read_to_its_end(journal: Journal) -> None:
    fill(journal, 10, 30, size=300_000)
    filters = [f"{journal.prefix}.a{number}.>" for number in range(10)]
    for found in (journal.reader.last(filters), journal.reader.page(1, 400), journal.reader.page(1, 300)):
        messages = journal.loop.run(found)
        assert seqs(messages) == list(range(1, 301))
        assert {len(message.data) for message in messages} == {300_000}


@pytest.mark.parametrize("moment", [b"Nats-Num-Pending: 1190\r", b"Nats-Num-Pending: 600\r", b"204 EOB"])
def test_a_link_that_breaks_in_the_middle_of_an_answer(nats_server: NatsServer, moment: bytes) -> None:
    with Proxy(nats_server.url) as proxy, open_journal(nats_server.url, via=proxy.url, answer_seconds=0.5) as journal:
        fill(journal, 4, 300, size=20_000)
        cut = proxy.cut_at_answer(moment)
        messages = journal.loop.run(journal.reader.page(1, 1_200))
        assert cut.fired.is_set()
        assert seqs(messages) == list(range(1, 1_201))


def test_a_server_that_is_restarted_in_the_middle(fresh_nats_server: NatsServer) -> None:
    with open_journal(fresh_nats_server.url, answer_seconds=0.5) as journal:
        fill(journal, 4, 10)
        fresh_nats_server.kill()
        found = journal.loop.spawn(journal.reader.page(1, 100))
        until(lambda: journal.connection.is_reconnecting, "the server is missed")
        fresh_nats_server.start()
        assert seqs(found.result(20)) == list(range(1, 41))


def test_a_server_that_stops_is_waited_for(nats_server: NatsServer) -> None:
    with open_journal(nats_server.url, answer_seconds=0.2) as journal:
        fill(journal, 4, 10)
        asked = journal.connection.answers._count
        nats_server.suspend()
        try:
            found = journal.loop.spawn(journal.reader.page(1, 100))
            until(lambda: journal.connection.answers._count > asked + 1, "the page is asked for again")
        finally:
            nats_server.resume()
        assert seqs(found.result(20)) == list(range(1, 41))
        assert journal.connection.answers.waiting == 0


def test_a_stream_that_is_not_there_is_named(journal: Journal) -> None:
    reader = Reader(journal.connection, "NOWHERE", answer_seconds=0.2)
    with pytest.raises(LogUnavailableError, match="no answer to a read of stream NOWHERE: direct get: 503"):
        journal.loop.run(reader.page(1, 10, deadline=0.3))


def test_nobody_can_pass_for_the_server(journal: Journal) -> None:
    subject = f"{journal.prefix}.a.1.happened"
    for number, block in enumerate(
        (
            b"NATS/1.0 204 EOB\r\n\r\n",
            b"NATS/1.0 404 Not Found\r\nx: y\r\n\r\n",
            b"NATS/1.0\r\nStatus: 404\r\n\r\n",
            b"NATS/1.0\r\nNats-Sequence: 99\r\nNats-Subject: x\r\nNats-Last-Sequence: 98\r\n\r\n",
        )
    ):
        frame = b"HPUB %b%d %d %d\r\n%b\r\n" % (subject.encode(), number, len(block), len(block), block)
        journal.loop.run(journal.connection.write(frame))
    journal.loop.run(journal.append(events("b", 2)))
    messages = journal.loop.run(journal.reader.page(1, 10))
    assert seqs(messages) == [1, 2, 3, 4, 5, 6]
    assert [message.subject for message in messages[:4]] == [f"{subject}{number}" for number in range(4)]
    assert seqs(journal.loop.run(journal.reader.last([f"{journal.prefix}.>"]))) == [1, 2, 3, 4, 5, 6]
    assert [journal.loop.run(journal.reader.latest(f"{subject}{number}")) for number in range(4)] == messages[:4]
