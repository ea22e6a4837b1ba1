"""The thread that keeps the time for all handlers."""

import threading
from collections.abc import Iterator

import pytest

from callboard.actors.deadlines import Deadlines
from tests.support.attempts import signal
from tests.support.log_lines import captured


@pytest.fixture
def deadlines() -> Iterator[Deadlines]:
    made = Deadlines()
    made.start()
    yield made
    made.stop()


def test_actions_come_in_the_order_they_are_due(deadlines: Deadlines) -> None:
    order: list[str] = []
    over = threading.Event()
    deadlines.add(0.08, over.set)
    deadlines.add(0.06, lambda: order.append("late"))
    deadlines.add(0.02, lambda: order.append("early"))
    deadlines.add(0.04, lambda: order.append("middle"))
    signal(over)
    assert order == ["early", "middle", "late"]


def test_what_was_dropped_does_not_come(deadlines: Deadlines) -> None:
    called, over = threading.Event(), threading.Event()
    dropped = deadlines.add(0.01, called.set)
    deadlines.drop(dropped)
    deadlines.drop(dropped)
    deadlines.add(0.03, over.set)
    signal(over)
    assert not called.is_set()


def test_thousands_that_were_dropped_hold_no_memory(deadlines: Deadlines) -> None:
    for _ in range(10_000):
        deadlines.drop(deadlines.add(3_600, lambda: None))
    assert len(deadlines._heap) < 1_000
    over = threading.Event()
    deadlines.add(0.01, over.set)
    signal(over)


def test_an_action_that_raises_does_not_end_the_others(deadlines: Deadlines) -> None:
    over = threading.Event()

    def fail() -> None:
        raise LookupError("broken")

    with captured() as lines:
        deadlines.add(0.01, fail)
        deadlines.add(0.02, over.set)
        signal(over)
        assert isinstance(lines.wait("deadline.failed")["exc_info"], LookupError)


def test_what_was_added_before_the_start_is_served_after_it() -> None:
    made, over = Deadlines(), threading.Event()
    made.add(0.01, over.set)
    made.start()
    signal(over)
    made.stop()
