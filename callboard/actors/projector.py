"""The projector: reads the whole log in order, from where the views stand, and applies it to them in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

import pykka
import structlog
from nats.errors import Error as NatsError

from callboard.actors.batch_actor import WAKE, Begin
from callboard.actors.crash import log_crash
from callboard.actors.inbox import Inbox
from callboard.events import consumers
from callboard.events.connection import Connection
from callboard.events.errors import CallboardError, LogChangedError
from callboard.events.loop import Loop
from callboard.events.message import Message
from callboard.events.ordered_pull import OrderedPull
from callboard.events.reader import EVENT_HEADER
from callboard.events.subjects import EVENT_PREFIX, EVENTS
from callboard.events.ticket import sequence_of

log = structlog.get_logger()

E = TypeVar("E")
BATCH: Final = 2_000
WINDOW: Final = 8_000
LINGER_SECONDS: Final = 0.003
RENEW_SECONDS: Final = 1.0
TELL_SECONDS: Final = 30.0


class Projector(pykka.ThreadingActor, Generic[E]):
    """Feeds ``apply`` with stored events in stream order; acknowledges nothing, the views know their position."""

    use_daemon_thread = True

    def __init__(  # noqa: PLR0913 - what it reads, where that goes, and whom it tells of trouble
        self,
        name: str,
        *,
        loop: Loop,
        connection: Connection,
        position: Callable[[], int],
        guard: Callable[[], Awaitable[None]],
        read: Callable[[str, int, bytes, str], E],
        apply: Callable[[Sequence[E]], None],
        crashed: Callable[[str, BaseException], None],
        halt: Callable[[BaseException], None],
    ) -> None:
        """``position`` is the sequence the views reflect; ``apply`` moves them on, all of a batch or nothing.

        ``guard`` raises LogChangedError when the log is not the one the views were built from; it is asked each time
        before reading begins, as the server may have come back with another. ``halt`` is told then: starting anew, as
        after a crash, would change nothing.

        ``read`` makes of subject, sequence, body and event id what ``apply`` takes. Only the last message of a batch
        has its event id filled in: that is the one the views remember.
        """
        super().__init__()
        self.name = name
        self._loop = loop
        self._connection = connection
        self._position = position
        self._guard = guard
        self._read = read
        self._apply = apply
        self._crashed = crashed
        self._halt = halt
        self._inbox: Inbox[Message] = Inbox(self._awake)
        self._gathered: list[Message] = []
        self._pull: OrderedPull | None = None
        self._renewal: asyncio.Task[None] | None = None

    def on_receive(self, message: Any) -> None:
        """Begin, or apply what has arrived."""
        if isinstance(message, Begin):
            self._begin()
        elif message is WAKE:
            self._work()
        else:
            raise TypeError(f"actor {self.name} does not know what to do with {message!r}")

    def on_stop(self) -> None:
        """Stop reading."""
        self._close()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback_: TracebackType | None,
    ) -> None:
        """Stop reading and tell the supervisor; the next projector goes on from the views' position."""
        error = log_crash(self.name, exception_type, exception_value, traceback_)
        try:
            self._close()
        except Exception as late:  # noqa: BLE001 - the supervisor is to hear of the crash all the same
            log.warning("actor.close_failed", actor=self.name, error=repr(late))
        self._crashed(self.name, error)

    def _begin(self) -> None:
        try:
            self._loop.run(self._start())
        except LogChangedError as error:
            self._halt(error)

    def _work(self) -> None:
        arrived = self._inbox.take(BATCH)
        if not arrived:
            return
        fresh = self._fresh(arrived)
        if fresh:
            self._apply(self._events(fresh))
        self._loop.loop.call_soon_threadsafe(self._release, len(arrived))
        self._awake()

    def _events(self, messages: Sequence[Message]) -> list[E]:
        read, newest = self._read, messages[-1]
        events = [read(each.subject, sequence_of(each.reply), each.data, "") for each in messages[:-1]]
        event_id = (newest.headers or {}).get(EVENT_HEADER, "")
        events.append(read(newest.subject, sequence_of(newest.reply), newest.data, event_id))
        return events

    def _fresh(self, arrived: list[Message]) -> list[Message]:
        """Leave out what arrived twice: a new pull begins where the views stood, not where the old one broke off."""
        if sequence_of(arrived[-1].reply) - sequence_of(arrived[0].reply) + 1 == len(arrived):
            return arrived
        fresh, last = [], self._position()
        for message in arrived:
            sequence = sequence_of(message.reply)
            if sequence > last:
                fresh.append(message)
                last = sequence
        return fresh

    async def _start(self) -> None:
        await self._guard()
        first = self._position() + 1
        name = await consumers.ephemeral(self._connection, EVENTS, f"{EVENT_PREFIX}.>", first)
        self._pull = OrderedPull(self._connection, EVENTS, name, WINDOW, self._gather, lost=self._lost)
        await self._pull.start()

    def _gather(self, burst: list[Message]) -> None:
        """Let what follows within a moment come along: the views do not compete with the actors they report on."""
        if not self._gathered:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._hand_on)
        self._gathered += burst

    def _hand_on(self) -> None:
        gathered, self._gathered = self._gathered, []
        self._inbox.put(gathered)

    def _lost(self, reason: str) -> None:
        log.info("projector.consumer_renewed", reason=reason)
        self._renewal = asyncio.ensure_future(self._renew())

    async def _renew(self) -> None:
        """Read on from the views' position; what is in the way is told at first, and then now and again."""
        now, untold_until = asyncio.get_running_loop().time, 0.0
        while True:
            try:
                if self._pull is not None:
                    await self._pull.stop()
                await self._start()
            except LogChangedError as error:
                self._halt(error)
                return
            except (CallboardError, NatsError) as error:
                if now() >= untold_until:
                    log.warning("projector.renewal_failed", error=str(error))
                    untold_until = now() + TELL_SECONDS
                await asyncio.sleep(RENEW_SECONDS)
            else:
                return

    def _release(self, count: int) -> None:
        if self._pull is not None:
            self._pull.release(count)

    def _close(self) -> None:
        self._loop.run(self._end())

    async def _end(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        pull, self._pull = self._pull, None
        if pull is not None:
            await pull.stop()

    def _awake(self) -> None:
        try:
            self.actor_ref.tell(WAKE)
        except pykka.ActorDeadError:
            log.debug("actor.woken_dead", actor=self.name)
