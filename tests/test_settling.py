"""Settling orders: many tasks in one append, writers that race, orders that cannot be stored or decided."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count

import pytest
from msgspec import Raw

from callboard.actors.order import Order, Settled
from callboard.actors.settling import BrokenOrderError, Settling
from callboard.actors.task_log import TaskLog
from callboard.events import task
from callboard.events.appender import MAX_BATCH
from callboard.events.errors import EventTooLargeError, LogUnavailableError
from callboard.events.submission import Submission
from callboard.events.task import Route, TaskState
from callboard.events.task_events import Submitted, TaskEvent
from tests.support.nats_server import NatsServer
from tests.support.task_logs import task_logs

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ROUTE = Route(agent="billing", reason="asked for by name", confidence=1.0)
_numbers = count(1)


@pytest.fixture
def logs(nats_server: NatsServer) -> Iterator[list[TaskLog]]:
    with task_logs(nats_server.url, 2) as pair:
        yield pair


def settle(log: TaskLog, *orders: Order) -> list[Settled]:
    return [settled for _, settled in Settling(log, lambda: NOW).settle(orders)]


def submission(task_id: str, text: str = "1") -> Order:
    wanted = Submission(input=Raw(text.encode()))

    def decide(state: TaskState | None, now: datetime) -> list[TaskEvent]:
        return task.submit(state, task_id, wanted, ROUTE, now)

    return Order(task_id, decide, print, fresh=True)


def start(task_id: str) -> Order:
    return Order(task_id, lambda state, now: task.start(state, 1, "worker", now), print)


def report(task_id: str, note: str) -> Order:
    return Order(task_id, lambda state, now: task.progress(state, 1, None, note, now), print)


def breaks(_state: TaskState | None, _now: datetime) -> list[TaskEvent]:
    raise ZeroDivisionError("cannot decide")


def new_ids(amount: int) -> list[str]:
    return [f"task-{next(_numbers)}" for _ in range(amount)]


def running(log: TaskLog, amount: int) -> list[str]:
    """Return the ids of tasks that run."""
    ids = new_ids(amount)
    settle(log, *map(submission, ids))
    settle(log, *map(start, ids))
    return ids


def versions(log: TaskLog, ids: list[str]) -> list[int]:
    found = log.load(ids)
    return [found[each].state.version for each in ids]


def test_orders_on_many_tasks_are_one_append(logs: list[TaskLog]) -> None:
    ids = new_ids(100)

    settled = settle(logs[0], *map(submission, ids))

    assert [len(each.events) for each in settled] == [3] * 100
    first = settled[0].seq - 2
    assert [each.seq for each in settled] == [first + 2 + 3 * number for number in range(100)]
    assert versions(logs[1], ids) == [3] * 100


def test_more_events_than_one_append_holds_are_stored_in_several(logs: list[TaskLog]) -> None:
    ids = new_ids(MAX_BATCH // 3 + 100)

    settled = settle(logs[0], *map(submission, ids))

    assert sum(len(each.events) for each in settled) > MAX_BATCH
    assert all(each.error is None for each in settled)
    assert versions(logs[1], ids) == [3] * len(ids)


def test_more_bytes_than_one_append_should_hold_are_stored_in_several(logs: list[TaskLog]) -> None:
    ids = new_ids(24)
    text = f'"{"x" * 500_000}"'

    settled = settle(logs[0], *(submission(each, text) for each in ids))

    assert [each.error for each in settled] == [None] * 24
    assert versions(logs[1], ids) == [3] * 24


def test_orders_on_one_task_are_decided_in_turn(logs: list[TaskLog]) -> None:
    (task_id,) = new_ids(1)

    settled = settle(logs[0], submission(task_id), start(task_id), report(task_id, "half"), submission(task_id))

    assert [len(each.events) for each in settled] == [3, 1, 1, 0]
    assert [each.state.version for each in settled if each.state is not None] == [3, 4, 5, 5]
    assert settled[3].seq == settled[2].seq


def test_two_writers_on_one_log_lose_nothing_of_each_other(logs: list[TaskLog]) -> None:
    ids = running(logs[0], 20)
    logs[1].load(ids)
    errors: list[Settled] = []

    def write(log: TaskLog, name: str) -> None:
        for number in range(10):
            settled = settle(log, *(report(each, f"{name} {number}") for each in ids))
            errors.extend(each for each in settled if each.error is not None or len(each.events) != 1)

    writers = [threading.Thread(target=write, args=(log, name)) for log, name in zip(logs, "ab", strict=True)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert errors == []
    assert versions(logs[0], ids) == [4 + 20] * 20


def test_two_writers_that_take_the_same_task_both_learn_who_has_it(logs: list[TaskLog]) -> None:
    ids = new_ids(30)
    settle(logs[0], *map(submission, ids))
    logs[1].load(ids)
    took: dict[str, list[Settled]] = {}
    together = threading.Barrier(2)

    def take(log: TaskLog, worker: str) -> None:
        orders = [Order(each, lambda state, now: task.start(state, 1, worker, now), print) for each in ids]
        together.wait(10)
        took[worker] = settle(log, *orders)

    takers = [threading.Thread(target=take, args=(log, worker)) for log, worker in zip(logs, "ab", strict=True)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()

    for one, other in zip(took["a"], took["b"], strict=True):
        assert one.state is not None
        assert other.state is not None
        assert one.state.worker == other.state.worker
        assert len(one.events) + len(other.events) == 1


def test_an_event_that_is_too_large_is_refused_alone(logs: list[TaskLog]) -> None:
    small, large, other = new_ids(3)

    settled = settle(logs[0], submission(small), submission(large, f'"{"x" * 5_000_000}"'), submission(other))

    assert [type(each.error) for each in settled] == [type(None), EventTooLargeError, type(None)]
    assert settled[1].events == []
    assert logs[1].load([small, large, other]).keys() == {small, other}


def test_an_order_whose_decision_raises_is_refused_alone(logs: list[TaskLog]) -> None:
    ids = new_ids(20)
    orders = [submission(each) for each in ids]
    orders[7] = Order(ids[7], breaks, print)

    settled = settle(logs[0], *orders)

    error = settled[7].error
    assert isinstance(error, BrokenOrderError)
    assert str(error) == f"deciding about task {ids[7]} failed: ZeroDivisionError: cannot decide"
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert [each.error for number, each in enumerate(settled) if number != 7] == [None] * 19
    assert logs[1].load(ids).keys() == {*ids} - {ids[7]}


def test_a_task_that_nobody_can_read_is_refused_alone(logs: list[TaskLog]) -> None:
    log = logs[0]
    broken, good = running(log, 2)
    event = log.stored(Submitted(originator_id=broken, originator_version=5, at=NOW, input=Raw(b"1"), priority="low"))
    object.__setattr__(event, "state", b'{"id":1}')
    log.append([event])
    log.forget([broken, good])

    settled = settle(log, report(broken, "half"), report(good, "half"))

    assert isinstance(settled[0].error, BrokenOrderError)
    assert settled[1].error is None
    assert len(settled[1].events) == 1


def test_what_is_settled_before_the_log_goes_away_is_not_lost_sight_of(fresh_nats_server: NatsServer) -> None:
    with task_logs(fresh_nats_server.url, 1) as (log,):
        ids = new_ids(2 * MAX_BATCH // 3)
        told: list[Order] = []

        def consume() -> None:
            for order, _ in Settling(log, lambda: NOW).settle([submission(each) for each in ids]):
                if not told:
                    log._recorder.journal.loop.run(log._recorder.journal.connection.close())
                told.append(order)

        with pytest.raises(LogUnavailableError):
            consume()

    assert 0 < len(told) < len(ids)
    with task_logs(fresh_nats_server.url, 1) as (log,):
        assert log.load(ids).keys() == {order.task_id for order in told}
