"""A subscription tells every event once and in order, whatever happens meanwhile."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from eventsourcing.persistence import Notification, ProgrammingError, Subscription

from callboard.events.errors import LogRefusedError
from callboard.events.journal import Journal
from callboard.events.recorders import JetStreamApplicationRecorder
from callboard.events.subscription import WINDOW, JetStreamSubscription
from tests.support.event_log import events, open_journal
from tests.support.nats_server import NatsServer
from tests.support.proxy import Proxy
from tests.support.waiting import until


@pytest.fixture
def journal(nats_server: NatsServer) -> Iterator[Journal]:
    with open_journal(nats_server.url) as journal:
        yield journal


class Follower:
    """Iterates over a subscription in a thread of its own and keeps what it is told."""

    def __init__(self, subscription: Subscription[JetStreamApplicationRecorder]) -> None:
        self.told: list[int] = []
        self._subscription = subscription
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        with self._subscription:
            for notification in self._subscription:
                self.told.append(notification.id)

    def stop(self) -> None:
        self._subscription.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()


@contextmanager
def following(journal: Journal, gt: int | None = None) -> Iterator[Follower]:
    follower = Follower(JetStreamApplicationRecorder(journal).subscribe(gt))  # type: ignore[arg-type]
    try:
        yield follower
    finally:
        follower.stop()


def save(journal: Journal, name: str, amount: int) -> None:
    JetStreamApplicationRecorder(journal).insert_events(events(name, amount))


def test_more_events_than_the_window_holds(journal: Journal) -> None:
    for number in range(3):
        save(journal, f"a{number}", 1_000)
    with following(journal, gt=500) as follower:
        until(lambda: len(follower.told) == 2_500, "what is stored is told")
        save(journal, "b", 10)
        until(lambda: len(follower.told) == 2_510, "what is added is told")
    assert follower.told == list(range(501, 3_011))


def test_a_link_that_is_cut_again_and_again(nats_server: NatsServer) -> None:
    with (
        open_journal(nats_server.url) as journal,
        Proxy(nats_server.url) as proxy,
        open_journal(nats_server.url, stream=journal.stream, via=proxy.url) as cut,
        following(cut) as follower,
    ):
        for number in range(10):
            save(journal, f"a{number}", 1_000)
            until(lambda least=500 + number * 900: len(follower.told) >= least, "something new is told")  # type: ignore[misc]
            proxy.cut()
        until(lambda: len(follower.told) >= 10_000, "everything is told")
    assert follower.told == list(range(1, 10_001))


def test_what_has_arrived_when_the_link_breaks_is_told_once(nats_server: NatsServer) -> None:
    with Proxy(nats_server.url) as proxy, open_journal(nats_server.url, via=proxy.url) as journal:
        save(journal, "a", 600)
        recorder = JetStreamApplicationRecorder(journal)
        with recorder.subscribe() as subscription:
            assert isinstance(subscription, JetStreamSubscription)
            until(lambda: subscription._arrived.qsize() == WINDOW, "a window full has arrived")
            proxy.cut()
            until(lambda: subscription._arrived.qsize() == 2 * WINDOW, "it has arrived once more")
            assert [next(subscription).id for _ in range(600)] == list(range(1, 601))


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_is_started_again(fresh_nats_server: NatsServer, end: str) -> None:
    with open_journal(fresh_nats_server.url) as journal, following(journal) as follower:
        for number in range(3):
            save(journal, f"a{number}", 700)
            until(lambda least=100 + number * 700: len(follower.told) >= least, "something new is told")  # type: ignore[misc]
            getattr(fresh_nats_server, end)()
            fresh_nats_server.start()
        save(journal, "b", 5)
        until(lambda: len(follower.told) >= 2_105, "everything is told")
    assert follower.told == list(range(1, 2_106))


def test_a_consumer_that_the_server_forgot(journal: Journal) -> None:
    with following(journal) as follower:
        save(journal, "a", 5)
        until(lambda: len(follower.told) == 5, "the first are told")
        jetstream = journal.connection.jetstream()
        for info in journal.loop.run(jetstream.consumers_info(journal.stream)):
            journal.loop.run(jetstream.delete_consumer(journal.stream, info.name))
        save(journal, "b", 5)
        until(lambda: len(follower.told) == 10, "the others are told")
    assert follower.told == list(range(1, 11))


def test_a_stream_that_is_removed_ends_the_iteration_with_an_error(journal: Journal) -> None:
    with JetStreamApplicationRecorder(journal).subscribe() as subscription:
        save(journal, "a", 1)
        assert next(subscription).id == 1
        journal.loop.run(journal.connection.jetstream().delete_stream(journal.stream))
        with pytest.raises(LogRefusedError, match="stream not found"):
            next(subscription)


def test_only_the_topics_asked_for(journal: Journal) -> None:
    recorder = JetStreamApplicationRecorder(journal)
    for number, topic in enumerate(["thing.happened", "thing.ended", "other topic"]):
        recorder.insert_events([Notification("a", number, topic, b"", 0)])
    with recorder.subscribe(topics=["other topic", "thing.ended"]) as subscription:
        assert [next(subscription).originator_version for _ in range(2)] == [1, 2]


def test_it_is_entered_before_it_is_iterated(journal: Journal) -> None:
    subscription = JetStreamApplicationRecorder(journal).subscribe()
    with pytest.raises(ProgrammingError, match="enter"):
        next(subscription)
    subscription.stop()


def test_stopping_from_another_thread_ends_a_waiting_iteration(journal: Journal) -> None:
    with following(journal) as follower:
        pass
    assert follower.told == []


def test_stopping_while_a_new_consumer_is_made(fresh_nats_server: NatsServer) -> None:
    with open_journal(fresh_nats_server.url) as journal:
        with following(journal) as follower:
            save(journal, "a", 1)
            until(lambda: follower.told, "the first is told")
            fresh_nats_server.kill()
            until(lambda: journal.connection.is_reconnecting, "the server is missed")
        fresh_nats_server.start()
        until(lambda: journal.connection.is_connected, "the server is back")
        assert journal.connection._on_reconnect == []


def test_stopping_after_the_log_was_closed(nats_server: NatsServer) -> None:
    with open_journal(nats_server.url) as journal:
        subscription = JetStreamApplicationRecorder(journal).subscribe()
    with subscription:
        pass


def test_many_subscriptions_at_once(journal: Journal) -> None:
    with ThreadPoolExecutor(10) as pool:
        followers = list(
            pool.map(lambda _: Follower(JetStreamApplicationRecorder(journal).subscribe()), range(10))  # type: ignore[arg-type]
        )
    save(journal, "a", 800)
    for follower in followers:
        until(lambda each=follower: len(each.told) == 800, "all are told")  # type: ignore[misc]
        follower.stop()
        assert follower.told == list(range(1, 801))
