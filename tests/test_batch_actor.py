"""The loop that all actors share: what one letter breaks, and what it does not."""

import threading
from collections.abc import Iterator

import pytest

from callboard.actors.batch_actor import POISON_DELIVERIES, Begin
from callboard.actors.order import Order
from callboard.events.errors import LogUnavailableError
from tests.support.log_lines import captured
from tests.support.nats_server import NatsServer
from tests.support.probe import Bench, bench
from tests.support.waiting import until

SECONDS = 10.0


@pytest.fixture
def place(fresh_nats_server: NatsServer) -> Iterator[Bench]:
    with bench(fresh_nats_server.url) as place:
        yield place


@pytest.mark.parametrize("where", ["read", "decide"])
def test_a_letter_that_cannot_be_dealt_with_is_tried_again_and_left_waiting_alone(where: str, place: Bench) -> None:
    place.publish("ok", where, "ok")
    with captured() as lines:
        _, probe = place.probe()
        assert [probe.heard.get(timeout=SECONDS) for _ in range(2)] == [("ok", 1), ("ok", 1)]
        lines.wait("actor.poisoned")
        until(lambda: place.held() == 1, "it alone is left")

        assert len(lines.named("actor.letter_failed")) == POISON_DELIVERIES - 1
        assert lines.named("actor.crashed") == []
    assert place.crashed.empty()


def test_an_actor_that_crashes_gives_back_what_it_held_at_once(place: Bench) -> None:
    place.publish("ok", "done", "ok")
    ref, _ = place.probe()

    error = place.crashed.get(timeout=SECONDS)

    assert isinstance(error, KeyError)
    assert not ref.is_alive()
    _, successor = place.probe()
    heard = {successor.heard.get(timeout=SECONDS) for _ in range(2)}
    assert ("done", 2) in heard
    until(lambda: place.held() == 0, "nothing is left")
    assert place.crashed.empty()


def test_a_letter_is_acknowledged_after_it_was_dealt_with(place: Bench) -> None:
    place.publish("ok", "ok")

    _, probe = place.probe()

    assert [probe.heard.get(timeout=SECONDS)[0] for _ in range(2)] == ["ok", "ok"]
    until(lambda: place.held() == 0, "both are acknowledged")


def test_an_actor_may_be_stopped_twice_and_the_next_goes_on(place: Bench) -> None:
    ref, _ = place.probe()
    assert ref.stop(timeout=SECONDS)
    assert not ref.stop(timeout=SECONDS)

    place.publish("ok")
    _, successor = place.probe()

    assert successor.heard.get(timeout=SECONDS) == ("ok", 1)


def test_an_actor_that_cannot_begin_says_so_to_whoever_starts_it(place: Bench) -> None:
    ref, _ = place.probe()
    place.loop.run(place.connection.close())

    with pytest.raises(LogUnavailableError, match="did not answer"):
        ref.ask(Begin(), timeout=SECONDS)


def test_an_actor_waits_for_the_log_until_it_is_told_not_to(place: Bench) -> None:
    stopping = threading.Event()
    ref, probe = place.probe(stopping=stopping)
    with captured() as lines:
        place.loop.run(place.connection.close())
        probe.post(Order("task-1", lambda _state, _now: [], print))
        lines.wait("actor.log_unavailable", count=2)
        assert ref.is_alive()

        stopping.set()

        assert ref.stop(timeout=SECONDS)
        assert [line["actor"] for line in lines.named("actor.work_left")] == ["probe"]
        assert lines.named("actor.crashed") == []
    assert place.crashed.empty()
