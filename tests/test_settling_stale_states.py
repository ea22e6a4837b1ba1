"""A cached state that is behind the log never leads to a wrong decision, not even to the decision to do nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from msgspec import Raw

from callboard.actors.order import Order, Settled
from callboard.actors.settling import Settling
from callboard.actors.task_log import TaskLog
from callboard.events import task
from callboard.events.submission import Submission
from callboard.events.task import Route, TaskState
from callboard.events.task_events import TaskEvent
from tests.support.nats_server import NatsServer
from tests.support.task_logs import task_logs

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ROUTE = Route(agent="billing", reason="asked for by name", confidence=1.0)


@pytest.fixture
def logs(nats_server: NatsServer) -> Iterator[list[TaskLog]]:
    with task_logs(nats_server.url, 2) as pair:
        yield pair


def settle(log: TaskLog, *orders: Order) -> list[Settled]:
    return [settled for _, settled in Settling(log, lambda: NOW).settle(orders)]


def submitted(log: TaskLog) -> str:
    task_id = uuid4().hex
    submission = Submission(input=Raw(b"1"))

    def decide(state: TaskState | None, now: datetime) -> list[TaskEvent]:
        return task.submit(state, task_id, submission, ROUTE, now)

    settle(log, Order(task_id, decide, print, fresh=True))
    return task_id


def started(log: TaskLog, task_id: str) -> None:
    settle(log, Order(task_id, lambda state, now: task.start(state, 1, "worker", now), print))


def completed(log: TaskLog, task_id: str) -> int:
    order = Order(task_id, lambda state, now: task.complete(state, 1, Raw(b"2"), now), print)
    state = settle(log, order)[0].state
    assert state is not None
    return state.version


def test_an_order_about_an_event_is_decided_on_a_state_that_has_it(logs: list[TaskLog]) -> None:
    behind, ahead = logs
    task_id = submitted(behind)
    started(ahead, task_id)
    version = completed(ahead, task_id)
    assert behind.known([task_id])[task_id].state.status == "assigned"

    (settled,) = settle(behind, Order(task_id, lambda _state, _now: [], print, version=version))

    assert settled.state is not None
    assert settled.state.status == "completed"


def test_to_do_nothing_is_never_decided_on_a_cached_state(logs: list[TaskLog]) -> None:
    behind, ahead = logs
    task_id = submitted(behind)
    started(ahead, task_id)

    (settled,) = settle(behind, Order(task_id, lambda state, now: task.complete(state, 1, Raw(b"2"), now), print))

    assert [event.TOPIC for event in settled.events] == ["task.completed"]


def test_a_decision_on_an_old_state_is_taken_again_when_the_log_refuses_it(logs: list[TaskLog]) -> None:
    behind, ahead = logs
    task_id = submitted(behind)
    started(ahead, task_id)

    (settled,) = settle(behind, Order(task_id, lambda state, now: task.cancel(state, None, now), print))

    assert [event.originator_version for event in settled.events] == [5]


def test_a_state_that_is_new_enough_is_not_looked_up(logs: list[TaskLog]) -> None:
    behind, ahead = logs
    task_id = submitted(behind)
    started(ahead, task_id)

    (settled,) = settle(behind, Order(task_id, lambda _state, _now: [], print, version=3))

    assert settled.state is not None
    assert settled.state.status == "assigned"
