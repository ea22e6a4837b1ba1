"""A subscription of the ``eventsourcing`` library: stored events from a position on, then those to come."""

import asyncio
import queue
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eventsourcing.persistence import Notification, ProgrammingError, Subscription

from callboard.events.consumers import ephemeral
from callboard.events.pull import Pull
from callboard.events.reader import stored_message
from callboard.events.ticket import Ticket

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from callboard.events.recorders import JetStreamApplicationRecorder

WINDOW = 500


class JetStreamSubscription(Subscription["JetStreamApplicationRecorder"]):
    """Iterates over notifications in the order of the stream; blocks at the end until there are more, or stopped."""

    def __init__(
        self, recorder: "JetStreamApplicationRecorder", gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._journal = recorder.journal
        self._arrived: queue.SimpleQueue[Msg | None] = queue.SimpleQueue()
        self._pull: Pull | None = None
        self._last = gt or 0
        self._journal.loop.run(self._start(self._last + 1))

    def stop(self) -> None:
        """End the iteration, from any thread; may be called twice."""
        super().stop()
        pull, self._pull = self._pull, None
        if pull is not None:
            self._journal.loop.run(pull.stop())
        self._arrived.put(None)

    def __next__(self) -> Notification:
        """Return the next notification; StopIteration after :meth:`stop`."""
        if not self._has_been_entered:
            raise ProgrammingError("enter the subscription with `with` before iterating over it")
        while True:
            message = None if self._has_been_stopped else self._arrived.get()
            if message is None or self._has_been_stopped:
                raise StopIteration
            self._journal.loop.loop.call_soon_threadsafe(self._release)
            notification = self._journal.notification(
                stored_message(message.subject, Ticket.parse(message.reply).sequence, message)
            )
            if notification.id <= self._last:
                continue
            self._last = notification.id
            if not self._topics or notification.topic in self._topics:
                return notification

    async def _start(self, first: int) -> None:
        journal = self._journal
        name = await ephemeral(journal.connection, journal.stream, f"{journal.prefix}.>", first)
        self._pull = Pull(journal.connection, journal.stream, name, WINDOW, self._take, lost=self._renew)
        await self._pull.start()

    def _take(self, burst: "list[Msg]") -> None:
        for message in burst:
            self._arrived.put(message)

    def _release(self) -> None:
        if self._pull is not None:
            self._pull.release(1)

    def _renew(self, _reason: str) -> None:
        # The server forgets an unused consumer, as after a long disconnect: go on after the last one seen.
        if self._pull is not None:
            self._renewal = asyncio.ensure_future(self._replace(self._pull))

    async def _replace(self, old: Pull) -> None:
        await old.stop()
        await self._start(self._last + 1)
