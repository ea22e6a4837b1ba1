"""A subscription of the ``eventsourcing`` library: stored events from a position on, then those to come."""

import asyncio
import contextlib
import queue
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from eventsourcing.persistence import Notification, ProgrammingError, Subscription

from callboard.events.consumers import ephemeral
from callboard.events.errors import CallboardError, LogUnavailableError
from callboard.events.loop import LoopStoppedError
from callboard.events.message import Message
from callboard.events.ordered_pull import OrderedPull
from callboard.events.reader import StoredMessage, stored_message
from callboard.events.ticket import Ticket

if TYPE_CHECKING:
    from callboard.events.recorders import JetStreamApplicationRecorder

WINDOW: Final = 500
_RETRY_SECONDS: Final = 0.5


class JetStreamSubscription(Subscription["JetStreamApplicationRecorder"]):
    """Iterates over notifications in the order of the stream; blocks at the end until there are more, or stopped.

    Goes on over a broken connection and a restarted server, without a gap and without telling anything twice.
    """

    def __init__(
        self, recorder: "JetStreamApplicationRecorder", gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._journal = recorder.journal
        self._arrived: queue.SimpleQueue[tuple[OrderedPull, Message] | CallboardError | None] = queue.SimpleQueue()
        self._pull: OrderedPull | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._last = gt or 0
        self._journal.loop.run(self._start())

    def stop(self) -> None:
        """End the iteration, from any thread; may be called twice."""
        if not self._has_been_stopped:
            super().stop()
            # A log that was closed first has ended the pull already.
            with contextlib.suppress(LoopStoppedError):
                self._journal.loop.run(self._end())
        self._arrived.put(None)

    def __next__(self) -> Notification:
        """Return the next notification; StopIteration after :meth:`stop`.

        Raises:
            LogRefusedError: the server lets us read on no more, as when the stream was removed.
        """
        if not self._has_been_entered:
            raise ProgrammingError("enter the subscription with `with` before iterating over it")
        while True:
            arrived = None if self._has_been_stopped else self._arrived.get()
            if arrived is None or self._has_been_stopped:
                raise StopIteration
            if isinstance(arrived, CallboardError):
                raise arrived
            pull, message = arrived
            self._journal.loop.loop.call_soon_threadsafe(pull.release, 1)
            stored = stored_message(message.subject, Ticket.parse(message.reply).sequence, message)
            if (notification := self._next(stored)) is not None:
                return notification

    def _next(self, stored: StoredMessage) -> Notification | None:
        if stored.seq <= self._last:
            # Still on its way when the pull was replaced.
            return None
        self._last = stored.seq
        wanted = self._journal.notifications([stored])
        return wanted[0] if wanted and (not self._topics or wanted[0].topic in self._topics) else None

    async def _start(self) -> None:
        journal = self._journal
        name = await ephemeral(journal.connection, journal.stream, f"{journal.prefix}.>", self._last + 1)
        pull = OrderedPull(journal.connection, journal.stream, name, WINDOW, self._take, lost=self._lost)
        self._pull = pull
        await pull.start()

    async def _end(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        if self._pull is not None:
            await self._pull.stop()

    def _take(self, burst: "list[Message]") -> None:
        if self._pull is not None:
            for message in burst:
                self._arrived.put((self._pull, message))

    def _lost(self, _reason: str) -> None:
        self._renewal = asyncio.ensure_future(self._renew())

    async def _renew(self) -> None:
        """Read on after the last notification that was returned, with a new consumer."""
        while not self._has_been_stopped:
            if self._pull is not None:
                await self._pull.stop()
            try:
                return await self._start()
            except LogUnavailableError:
                await asyncio.sleep(_RETRY_SECONDS)
            except CallboardError as error:
                self._arrived.put(error)
                return None
        return None
