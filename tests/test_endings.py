"""Hearing of the ends of tasks: past, to come, and those that came while the link was down."""

import queue
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Raw

from callboard.actors.endings import Ending, Endings
from callboard.actors.task_log import TaskLog
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.events.task_events import Cancelled, Completed, Expired, Failed, Retried, TaskError, TaskEvent
from tests.support.nats_server import NatsServer
from tests.support.proxy import Proxy
from tests.support.task_logs import task_logs
from tests.support.waiting import until

SECONDS = 20.0


class Place:
    """Ends are heard over a link that can be cut, and stored over another one."""

    def __init__(self, proxy: Proxy, log: TaskLog) -> None:
        self.proxy, self._log = proxy, log
        self.loop, self.connection = Loop("test-endings"), Connection()
        self.loop.start()
        self.loop.run(self.connection.open(proxy.url))
        self.endings = Endings(Journal(self.loop, self.connection, subjects.EVENTS, subjects.TASK_PREFIX))
        self.heard: queue.SimpleQueue[Ending] = queue.SimpleQueue()

    def store(self, cls: type[TaskEvent], task_id: str, version: int = 1, **fields: Any) -> None:
        event = cls(originator_id=task_id, originator_version=version, at=datetime.now(UTC), **fields)
        self._log.append([self._log.stored(event)])

    def complete(self, task_id: str, version: int = 1) -> None:
        self.store(Completed, task_id, version, output=Raw(b"1"), duration_ms=1.0)

    def watch(self, *task_ids: str) -> None:
        self.endings.watch(task_ids, self.heard.put)

    def told(self, count: int = 1) -> list[tuple[str, str, str]]:
        found = [self.heard.get(timeout=SECONDS) for _ in range(count)]
        return sorted((each.task_id, each.status, each.cause) for each in found)

    def listening(self) -> int:
        """Return how many tasks are subscribed to."""
        return sum(each == self.endings._heard for each in list(self.connection.taps.values()))

    def settled(self) -> None:
        """Wait until all that was to be looked up is looked up."""

        async def unseen() -> bool:
            return bool(self.endings._unseen)

        until(lambda: not self.loop.run(unseen()), "all is looked up")

    def close(self) -> None:
        self.loop.run(self.connection.close())
        self.loop.stop()


@pytest.fixture
def place(fresh_nats_server: NatsServer) -> Iterator[Place]:
    with Proxy(fresh_nats_server.url) as proxy, task_logs(fresh_nats_server.url, 1) as [log]:
        place = Place(proxy, log)
        yield place
        place.close()


def test_ends_of_every_kind_past_and_to_come(place: Place) -> None:
    stored: list[tuple[type[TaskEvent], str, dict[str, Any]]] = [
        (Completed, "completed", {"output": Raw(b"1"), "duration_ms": 1.0}),
        (Failed, "failed", {"error": TaskError("ValueError", "no"), "attempts": 1}),
        (Cancelled, "cancelled", {"reason": "enough"}),
        (Expired, "expired", {}),
    ]
    for cls, name, fields in stored:
        place.store(cls, f"past-{name}", **fields)
    names = [name for _, name, _ in stored]
    place.watch(*(f"{when}-{name}" for name in names for when in ("past", "later")))
    place.settled()
    for cls, name, fields in stored:
        place.store(cls, f"later-{name}", **fields)

    causes = {"failed": "ValueError: no", "cancelled": "enough"}
    expected = [(f"{when}-{name}", name, causes.get(name, "")) for name in names for when in ("past", "later")]
    assert place.told(8) == sorted(expected)
    until(lambda: place.listening() == 0, "nothing is subscribed to")


def test_the_end_of_an_earlier_life_is_none(place: Place) -> None:
    place.store(Expired, "a")
    place.store(Retried, "a", 2)
    place.watch("a")
    place.settled()
    place.complete("a", 3)

    assert place.told() == [("a", "completed", "")]


def test_what_ended_while_the_link_was_down_is_found(place: Place) -> None:
    ids = [f"task-{number}" for number in range(1_500)]
    place.watch(*ids)
    place.settled()

    place.proxy.cut()
    place.complete("task-7")
    place.watch("task-8", "other")
    place.complete("other")

    assert place.told(2) == [("other", "completed", ""), ("task-7", "completed", "")]
    place.settled()
    place.complete("task-8")
    assert place.told(2) == [("task-8", "completed", "")] * 2


def test_those_who_forget_are_not_told(place: Place) -> None:
    others: queue.SimpleQueue[Ending] = queue.SimpleQueue()
    place.watch("a", "b")
    place.endings.watch(["a"], others.put)
    place.endings.forget(["a", "never"], place.heard.put)
    place.settled()
    place.complete("a")
    place.complete("b")

    assert place.told() == [("b", "completed", "")]
    assert others.get(timeout=SECONDS).task_id == "a"
    assert place.heard.empty()
    until(lambda: place.listening() == 0, "nothing is subscribed to")


def test_an_end_that_nobody_can_read_is_an_end(place: Place) -> None:
    place.watch("a")
    place.settled()
    place.loop.run(place.connection.publish(f"{subjects.TASK_PREFIX}.a.1.failed", b"{"))

    assert place.told() == [("a", "failed", "")]
