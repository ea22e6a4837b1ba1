"""Reports between a handler and the log: in order, each of them while they are few, the newest of a flood."""

import threading
from collections import deque
from datetime import UTC, datetime

import pytest

from callboard.actors.order import Order, Settled
from callboard.actors.reports import UNDER_WAY, Backlog, Reports
from callboard.events.errors import EventTooLargeError, LogUnavailableError
from callboard.events.task import fold
from callboard.events.task_events import Progressed
from tests.support import task_story

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNNING = fold(None, task_story.RUNNING)
FLOOD = 50_000


class Specialist:
    """Keeps what is posted, and settles it when told to."""

    def __init__(self) -> None:
        self.orders: deque[Order] = deque()
        self.reports = Reports(self.orders.append)
        self.stored: list[str | None] = []

    def settle(self, count: int = UNDER_WAY, error: EventTooLargeError | None = None) -> None:
        """Store up to ``count`` of the orders, or fail them with ``error``."""
        for _ in range(min(count, len(self.orders))):
            order = self.orders.popleft()
            for event in order.decide(RUNNING, NOW):
                assert isinstance(event, Progressed)
                self.stored.append(event.note)
            order.done(Settled(RUNNING, [], error=error))


@pytest.fixture
def specialist() -> Specialist:
    return Specialist()


@pytest.fixture
def backlog() -> Backlog:
    return Backlog(task_story.ID, 1)


def notes(*numbers: int) -> list[str]:
    return [str(number) for number in numbers]


def test_few_reports_are_all_stored(specialist: Specialist, backlog: Backlog) -> None:
    made = [specialist.reports.report(backlog, None, str(number)) for number in range(UNDER_WAY)]
    assert not any(stored.done() for stored in made)

    specialist.settle()

    assert specialist.stored == notes(*range(UNDER_WAY))
    assert all(stored.result() is None for stored in made)
    assert len(specialist.reports) == 0


def test_of_a_flood_the_newest_waits(specialist: Specialist, backlog: Backlog) -> None:
    made = [specialist.reports.report(backlog, None, str(number)) for number in range(FLOOD)]

    assert len(specialist.orders) == UNDER_WAY
    assert len(specialist.reports) == len(set(made)) == UNDER_WAY + 1

    specialist.settle()
    assert made[UNDER_WAY - 1].done()
    assert not made[-1].done()

    specialist.settle()
    assert specialist.stored == notes(*range(UNDER_WAY), FLOOD - 1)
    assert all(stored.done() for stored in made)
    assert len(specialist.reports) == 0


def test_as_long_as_a_flood_lasts_one_report_is_under_way(specialist: Specialist, backlog: Backlog) -> None:
    for number in range(UNDER_WAY + 1):
        specialist.reports.report(backlog, None, str(number))
    specialist.settle()
    for number in (-1, -2, -3):
        specialist.reports.report(backlog, None, str(number))

    assert len(specialist.orders) == 1
    specialist.settle()
    specialist.settle()
    assert specialist.stored[UNDER_WAY:] == notes(UNDER_WAY, -3)


def test_after_a_flood_each_report_counts_again(specialist: Specialist, backlog: Backlog) -> None:
    for number in range(FLOOD):
        specialist.reports.report(backlog, None, str(number))
    specialist.settle()
    specialist.settle()
    for number in (-1, -2, -3):
        specialist.reports.report(backlog, None, str(number))

    specialist.settle()

    assert specialist.stored[-3:] == notes(-1, -2, -3)


def test_what_waits_comes_before_what_is_posted_after_a_flush(specialist: Specialist, backlog: Backlog) -> None:
    for number in range(FLOOD):
        specialist.reports.report(backlog, None, str(number))

    specialist.reports.flush(backlog)
    specialist.reports.flush(backlog)

    assert len(specialist.orders) == UNDER_WAY + 1
    specialist.settle(UNDER_WAY + 1)
    assert specialist.stored[-1] == str(FLOOD - 1)


def test_the_flood_of_one_attempt_is_not_that_of_another(specialist: Specialist, backlog: Backlog) -> None:
    for number in range(FLOOD):
        specialist.reports.report(backlog, None, str(number))
    other = Backlog(task_story.ID, 2)
    for number in range(UNDER_WAY):
        specialist.reports.report(other, None, str(number))

    assert len(specialist.orders) == 2 * UNDER_WAY


def test_a_report_that_cannot_be_stored_says_so_to_those_it_replaced(specialist: Specialist, backlog: Backlog) -> None:
    made = [specialist.reports.report(backlog, None, str(number)) for number in range(UNDER_WAY + 2)]
    specialist.settle()

    specialist.settle(error=EventTooLargeError("here", 2, 1))

    for replaced in made[UNDER_WAY:]:
        with pytest.raises(EventTooLargeError):
            replaced.result(0)


def test_closing_ends_what_is_under_way_what_waits_and_what_comes_later(
    specialist: Specialist, backlog: Backlog
) -> None:
    made = [specialist.reports.report(backlog, None, str(number)) for number in range(UNDER_WAY + 2)]

    specialist.reports.close()

    for stored in (*made, specialist.reports.report(backlog, 1, None)):
        with pytest.raises(LogUnavailableError, match="ended before the report was stored"):
            stored.result(0)
    assert len(specialist.reports) == 0
    specialist.settle()  # what was in hand may still end


def test_floods_from_several_threads_stay_bounded_and_lose_no_future(specialist: Specialist, backlog: Backlog) -> None:
    last = []

    def flood(name: int) -> None:
        for number in range(10_000):
            report = specialist.reports.report(backlog, None, f"{name}-{number}")
        last.append(report)

    threads = [threading.Thread(target=flood, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert len(specialist.reports) <= UNDER_WAY + 1
        specialist.settle()
    while specialist.orders:
        specialist.settle()

    assert len(last) == 4
    assert all(report.result(0) is None for report in last)
    assert len(specialist.reports) == 0
    assert (backlog.under_way, backlog.room, backlog.waiting) == (0, UNDER_WAY, None)
    for name in range(4):
        of_thread = [int(note.split("-")[1]) for note in specialist.stored if note and note.startswith(f"{name}-")]
        assert of_thread == sorted(of_thread)
