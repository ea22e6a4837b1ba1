"""What compares the log with the timers, on a real server without any actor."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from msgspec import Raw

from callboard.actors.order import Decision, Order
from callboard.actors.settling import Settling
from callboard.actors.state_cache import StateCache
from callboard.actors.task_log import TaskLog
from callboard.actors.timer_check import Checked, TimerCheck
from callboard.events import consumers, jetstream_api, subjects, task
from callboard.events.connection import Connection
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.events.streams import ensure, wanted_streams
from callboard.events.submission import Submission
from callboard.events.task import Route
from callboard.events.timers import Key, Timer, Timers

ROUTE = Route(agent="billing", reason="asked for by name", confidence=1.0)


class TimerRoom:
    """A log, its timers, and nobody who looks after either."""

    def __init__(self, loop: Loop, connection: Connection) -> None:
        self.loop, self.connection = loop, connection
        self.timers = Timers(connection)
        self.stopping = threading.Event()
        self._journal = Journal(loop, connection, subjects.EVENTS, subjects.TASK_PREFIX)
        self._settling = Settling(TaskLog(self._journal, StateCache()), lambda: datetime.now(UTC))

    def submit(self, task_id: str, **fields: Any) -> None:
        """Store the events of a submission."""
        wanted = Submission(input=Raw(b"1"), **fields)
        self.decide(task_id, lambda state, now: task.submit(state, task_id, wanted, ROUTE, now))

    def decide(self, task_id: str, decision: Decision) -> None:
        """Store what ``decision`` yields."""
        for _, settled in self._settling.settle([Order(task_id, decision, print)]):
            assert settled.error is None

    def check(self) -> Checked:
        """Compare once, as a process does that has just started."""
        return TimerCheck(self._journal, self.stopping).run()

    def put(self, *timers: Timer) -> None:
        """Set timers."""
        self.loop.run(self.timers.put(timers))

    @property
    def set(self) -> set[Key]:
        """The timers that are there."""
        return self.loop.run(self.timers.set())

    def lose_timers(self, pattern: str = ">") -> None:
        """Purge the stream of timers behind everybody's back."""
        self.ask(f"STREAM.PURGE.{subjects.TIMERS}", {"filter": pattern})

    def acknowledge_all(self, stream: str, durable: str, subject: str) -> None:
        """Leave the consumer ``durable`` of ``subject`` as it is when everything there is has been dealt with."""
        self.loop.run(self._acknowledge_all(stream, durable, subject))

    async def _acknowledge_all(self, stream: str, durable: str, subject: str) -> None:
        await consumers.durable(self.connection, stream, durable, [subject], ack_wait_seconds=30)
        inbox = self.connection.new_inbox()
        arrived = await self.connection.subscribe(inbox)
        request = b'{"batch": 1000, "no_wait": true}'
        await self.connection.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", request, reply=inbox)
        while (message := await arrived.next_msg(10)).reply:
            await self.connection.request(message.reply, b"+ACK", timeout=10)
        await arrived.unsubscribe()

    def ask(self, endpoint: str, body: Any = None) -> dict[str, Any]:
        """Ask the server."""
        return self.loop.run(jetstream_api.demand(self.connection, endpoint, body))


@contextmanager
def timer_room(url: str) -> Iterator[TimerRoom]:
    """Yield one on the server at ``url``, whose streams are made when absent."""
    loop, connection = Loop("test-io"), Connection()
    loop.start()
    try:
        loop.run(connection.open(url))
        loop.run(ensure(connection, wanted_streams(connection.max_payload)))
        yield TimerRoom(loop, connection)
    finally:
        loop.run(connection.close())
        loop.stop()
