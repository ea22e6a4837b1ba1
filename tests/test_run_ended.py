"""A specialist stops the handler of an attempt that somebody else has ended, also when it did not hear of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callboard.actors.calling_off import RunEnded
from callboard.actors.state_cache import StateCache
from callboard.actors.task_log import TaskLog
from callboard.events import subjects, task
from callboard.events.connection import Connection
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.events.task import TaskState
from callboard.events.task_events import TaskError, TaskEvent
from tests.support.nats_server import NatsServer
from tests.support.proxy import Proxy
from tests.support.stage import Stage, stage
from tests.support.wire import Wire
from tests.support.wire_event import last, names

LOST = TaskError("WorkerLost", "somebody says so")


def now() -> datetime:
    return datetime.now(UTC)


class Elsewhere:
    """Another process, which writes about a task that runs here."""

    def __init__(self, log: TaskLog) -> None:
        self._log = log

    def state(self, task_id: str) -> TaskState:
        return self._log.load([task_id])[task_id].state

    def lose(self, task_id: str) -> None:
        state = self.state(task_id)
        self._write(task.fail_attempt(state, state.attempt, LOST, now(), retryable=False))

    def cancel(self, task_id: str) -> None:
        self._write(task.cancel(self.state(task_id), None, now()))

    def _write(self, events: list[TaskEvent]) -> None:
        assert events
        self._log.append([self._log.stored(event) for event in events])


@contextmanager
def elsewhere(server: NatsServer) -> Iterator[Elsewhere]:
    loop, connection = Loop("elsewhere"), Connection()
    loop.start()
    loop.run(connection.open(server.url))
    try:
        yield Elsewhere(TaskLog(Journal(loop, connection, subjects.EVENTS, subjects.TASK_PREFIX), StateCache()))
    finally:
        loop.run(connection.close())
        loop.stop()


async def runs(running: Stage, url: str, task_id: str) -> Wire:
    """Submit a task that waits, and return the connection once its handler is at work."""
    wire = await Wire.open(url)
    await wire.publish("callboard.submit.loner", running.submission(task_id))
    await running.ran(0)
    return wire


@pytest.mark.parametrize("end", ["lose", "cancel"])
async def test_it_stops_at_once(tmp_path: Path, fresh_nats_server: NatsServer, end: str) -> None:
    with stage(tmp_path, fresh_nats_server) as running, elsewhere(fresh_nats_server) as other:
        wire = await runs(running, fresh_nats_server.url, "a")

        getattr(other, end)("a")

        running.lines.wait("told to stop")
        events = await wire.stored("a")
        await wire.close()
    assert names(events)[-1] == {"lose": "failed", "cancel": "cancelled"}[end]
    assert names(events).count("started") == 1


@pytest.mark.parametrize("end", ["lose", "cancel"])
async def test_what_was_missed_is_found_when_the_connection_is_back(
    tmp_path: Path, fresh_nats_server: NatsServer, end: str
) -> None:
    with (
        Proxy(fresh_nats_server.url) as proxy,
        stage(tmp_path, fresh_nats_server, nats_url=proxy.url) as running,
        elsewhere(fresh_nats_server) as other,
    ):
        wire = await runs(running, fresh_nats_server.url, "a")
        rule, link = proxy.swallow_answers_after(b"go deaf"), running.app._link
        link.io.run(link.connection.publish("nobody", b"go deaf"))
        rule.wait()
        getattr(other, end)("a")

        proxy.cut()

        running.lines.wait("told to stop")
        await wire.close()


async def test_a_handler_at_work_is_left_alone_when_the_connection_was_away(
    tmp_path: Path, fresh_nats_server: NatsServer
) -> None:
    with (
        Proxy(fresh_nats_server.url) as proxy,
        stage(tmp_path, fresh_nats_server, nats_url=proxy.url) as running,
    ):
        wire = await runs(running, fresh_nats_server.url, "a")
        live = await wire.follow("a")
        proxy.cut()
        running.go.touch()

        events = await live.until_over()
        await wire.close()
    assert names(events)[-1] == "completed"
    assert last(events, "completed").fields["output"] == {"attempt": 1}
    assert running.lines.named("told to stop") == []


async def test_the_end_of_an_earlier_attempt_does_not_concern_this_one(
    tmp_path: Path, fresh_nats_server: NatsServer
) -> None:
    with stage(tmp_path, fresh_nats_server) as running:
        wire = await runs(running, fresh_nats_server.url, "a")
        live = await wire.follow("a")
        specialist = running.actor("specialist-loner")
        for version in range(1, 4):
            specialist.tell(RunEnded("a", version, cancelled=True))
        specialist.tell(RunEnded("b", 9, cancelled=True))
        running.go.touch()

        assert names(await live.until_over())[-1] == "completed"
        await wire.close()
    assert running.lines.named("told to stop") == []
