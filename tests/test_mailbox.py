"""A mailbox: what it hands over is held until it is acknowledged, given back, or known under a newer delivery."""

import queue
from collections.abc import Iterator

import pytest

from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.events.consumers import MAX_ACK_PENDING, UNLIMITED
from tests.support.log_lines import captured
from tests.support.nats_server import NatsServer
from tests.support.probe import Bench, bench
from tests.support.waiting import until

SECONDS = 10.0
ACK_WAIT_SECONDS = 1.0


class Desk:
    """A mailbox and the letters that came through it."""

    def __init__(self, place: Bench, ack_wait_seconds: float = ACK_WAIT_SECONDS, **settings: int) -> None:
        self._letters: queue.SimpleQueue[Letter] = queue.SimpleQueue()
        self.mailbox: Mailbox = place.mailbox(self._deliver, ack_wait_seconds, **settings)

    def take(self, count: int = 1) -> list[Letter]:
        return [self._letters.get(timeout=SECONDS) for _ in range(count)]

    @property
    def empty(self) -> bool:
        return self._letters.empty()

    def _deliver(self, letters: list[Letter]) -> None:
        for letter in letters:
            self._letters.put(letter)


@pytest.fixture
def place(fresh_nats_server: NatsServer) -> Iterator[Bench]:
    with bench(fresh_nats_server.url) as place:
        yield place


@pytest.fixture
def desk(place: Bench) -> Iterator[Desk]:
    desk = Desk(place)
    desk.mailbox.start()
    yield desk
    desk.mailbox.stop()


def delivered(letters: list[Letter]) -> list[tuple[int, int]]:
    """Return the sequence of each letter and how often it was delivered."""
    return [(letter.ticket.sequence, letter.ticket.delivered) for letter in letters]


def suspended(desk: Desk) -> None:
    """Have the mailbox keep nothing from being delivered again."""
    keeper = desk.mailbox._keeper
    assert keeper is not None
    desk.mailbox._loop.loop.call_soon_threadsafe(keeper.cancel)


def test_what_is_held_is_not_delivered_again(desk: Desk, place: Bench) -> None:
    acks = place.acknowledgements()
    place.publish("a")
    (letter,) = desk.take()

    # Three for each ack wait.
    until(lambda: acks.count((letter.reply, b"+WPI")) >= 6, "the server was told for two ack waits")

    assert desk.empty
    assert place.held() == 1


def test_what_is_acknowledged_is_done(desk: Desk, place: Bench) -> None:
    place.publish("a", "b")

    desk.mailbox.ack(desk.take(2))

    until(lambda: place.held() == 0, "both are done")


def test_what_is_given_back_comes_again_at_once(desk: Desk, place: Bench) -> None:
    place.publish("a")

    desk.mailbox.give_back(desk.take())

    assert delivered(desk.take()) == [(1, 2)]


def test_what_is_given_back_for_a_while_comes_again_later(desk: Desk, place: Bench) -> None:
    place.publish("a", "b")
    desk.mailbox.give_back(desk.take(2)[:1], delay_seconds=0.2)

    assert delivered(desk.take()) == [(1, 2)]


def test_what_was_given_back_for_long_holds_up_nothing_however_much_it_is(place: Bench) -> None:
    desk, many = Desk(place, 30.0, max_ack_pending=UNLIMITED), MAX_ACK_PENDING + 1_000
    place.publish_many("later", many)
    desk.mailbox.start()

    for _ in range(many):
        desk.mailbox.give_back(desk.take(), delay_seconds=3_600)
    place.publish("now")

    assert [letter.data for letter in desk.take()] == [b"now"]
    assert place.held() == many + 1
    desk.mailbox.stop()


def test_a_copy_that_is_forgotten_leaves_the_newer_one_held(desk: Desk, place: Bench) -> None:
    place.publish("a")
    suspended(desk)
    (older,) = desk.take()
    (newer,) = desk.take()
    assert delivered([older, newer]) == [(1, 1), (1, 2)]

    desk.mailbox.forget([older])
    until(lambda: desk.mailbox._held.keys() == {newer.reply}, "only the newer one is held")
    assert place.held() == 1

    desk.mailbox.ack([newer])
    until(lambda: place.held() == 0, "it is done")


def test_what_could_not_be_kept_for_the_ack_wait_is_let_go_of_and_comes_again(
    desk: Desk, place: Bench, fresh_nats_server: NatsServer
) -> None:
    place.publish("a")
    (older,) = desk.take()
    assert older.ours
    with captured() as lines:
        fresh_nats_server.suspend()
        until(lambda: not older.ours, "the ack wait is over")
        fresh_nats_server.resume()
        line = lines.wait("mailbox.leases_lapsed")
    assert (line["durable"], line["count"]) == (desk.mailbox.source.durable, 1)

    (newer,) = desk.take()

    assert delivered([newer]) == [(1, 2)]
    desk.mailbox.give_back([older])
    desk.mailbox.ack([older])
    assert newer.ours
    assert not older.ours
    desk.mailbox.ack([newer])
    until(lambda: place.held() == 0, "it is done")


def test_what_may_be_in_other_hands_is_not_given_back(desk: Desk, place: Bench) -> None:
    acks = place.acknowledgements()
    place.publish("a")
    (letter,) = desk.take()
    suspended(desk)
    until(lambda: not letter.ours, "the ack wait is over")

    desk.mailbox.give_back([letter])

    assert delivered(desk.take()) == [(1, 2)]
    assert (letter.reply, b"-NAK") not in acks


def test_stopped_with_giving_back_it_holds_nothing(desk: Desk, place: Bench) -> None:
    place.publish("a", "b")
    desk.take(2)

    desk.mailbox.stop(give_back=True)

    successor = Desk(place)
    successor.mailbox.start()
    assert sorted(delivered(successor.take(2))) == [(1, 2), (2, 2)]
    successor.mailbox.stop()


def test_stopped_it_goes_on_holding_what_is_worked_on(desk: Desk, place: Bench) -> None:
    place.publish("a")
    held = desk.take()
    desk.mailbox.stop()

    place.publish("b")
    successor = Desk(place)
    successor.mailbox.start()
    assert delivered(successor.take()) == [(2, 1)]

    desk.mailbox.ack(held)
    successor.mailbox.ack([])
    until(lambda: place.held() == 1, "what was worked on is done")
    successor.mailbox.stop()


def test_it_may_be_stopped_before_it_started_and_twice(place: Bench) -> None:
    desk = Desk(place)
    desk.mailbox.stop(give_back=True)
    desk.mailbox.start()
    desk.mailbox.stop(give_back=True)
    desk.mailbox.stop(give_back=True)


def test_a_consumer_that_was_deleted_is_made_again(desk: Desk, place: Bench) -> None:
    place.publish("a")
    desk.mailbox.ack(desk.take())
    until(lambda: not place.held(), "the next one is acknowledged")

    place.delete_consumer()
    place.publish("b")

    # A new consumer begins at the beginning: what was done before comes again.
    assert {sequence for sequence, _ in delivered(desk.take(2))} == {1, 2}


def test_a_defect_in_settling_is_logged_and_the_mailbox_goes_on(place: Bench, desk: Desk) -> None:
    place.publish("a")
    with captured() as lines:
        desk.mailbox.ack(["no letter"])  # type: ignore[list-item]
        assert "AttributeError" in repr(lines.wait("mailbox.failed")["exc_info"])
    desk.mailbox.ack(desk.take())
    until(lambda: not place.held(), "the next one is acknowledged")


def test_what_only_waits_makes_room_for_others(place: Bench) -> None:
    desk = Desk(place, window=4)
    for number in range(20):
        place.publish(str(number))
    desk.mailbox.start()

    held = []
    for number in range(20):
        [letter] = desk.take()
        assert letter.data == str(number).encode()
        desk.mailbox.lend(letter)
        desk.mailbox.lend(letter)
        held.append(letter)
    for letter in held[:10]:
        desk.mailbox.reclaim(letter)
        desk.mailbox.reclaim(letter)
    desk.mailbox.ack(held)

    until(lambda: place.held() == 0, "all are acknowledged")
    for number in range(20):
        place.publish(str(number))
    assert len(desk.take(4)) == 4
    place.loop.run(place.connection.flush())
    assert desk.empty
    desk.mailbox.stop()
