"""The projector: reads a whole stream in order, from where its views stand, and applies it to them in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

import pykka
import structlog
from msgspec import Struct
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
from callboard.events.ticket import sequence_of

log = structlog.get_logger()

E = TypeVar("E")
BATCH: Final = 2_000
WINDOW: Final = 8_000
LINGER_SECONDS: Final = 0.003
RENEW_SECONDS: Final = 1.0
TELL_SECONDS: Final = 30.0


class Feed(Struct, Generic[E], frozen=True, kw_only=True):
    """What a projector reads, and what becomes of it.

    It is what matches ``subject`` in ``stream``, with or without gaps in the sequences. ``position`` is the sequence
    the views reflect; ``apply`` moves them on, all of a batch or nothing, and raises LogChangedError when some of the
    stream is lost. ``read`` makes of messages, never of none, what ``apply`` takes.

    ``guard`` raises LogChangedError when the stream is not the one the views were built from; it is asked each time
    before reading begins, as the server may have come back with another.
    """

    stream: str
    subject: str
    position: Callable[[], int]
    guard: Callable[[], Awaitable[None]]
    read: Callable[[Sequence[Message]], list[E]]
    apply: Callable[[Sequence[E]], None]


class Projector(pykka.ThreadingActor, Generic[E]):
    """Feeds ``apply`` with what a stream stored, in its order; acknowledges nothing, the views know their position."""

    use_daemon_thread = True

    def __init__(
        self,
        name: str,
        *,
        loop: Loop,
        connection: Connection,
        feed: Feed[E],
        crashed: Callable[[str, BaseException], None],
        halt: Callable[[BaseException], None],
    ) -> None:
        """``crashed`` is told the name and the error when it ends by one.

        ``halt`` is told when ``feed`` finds another stream, or that some is lost: starting anew, as after a crash,
        would change nothing.
        """
        super().__init__()
        self.name = name
        self._loop = loop
        self._connection = connection
        self._feed = feed
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
            try:
                self._feed.apply(self._feed.read(fresh))
            except LogChangedError as error:
                self._halt(error)
                return
        self._loop.loop.call_soon_threadsafe(self._release, len(arrived))
        self._awake()

    def _fresh(self, arrived: list[Message]) -> list[Message]:
        """Leave out what arrived twice: a new pull begins where the views stood, not where the old one broke off."""
        if sequence_of(arrived[-1].reply) - sequence_of(arrived[0].reply) + 1 == len(arrived):
            return arrived
        fresh, last = [], self._feed.position()
        for message in arrived:
            sequence = sequence_of(message.reply)
            if sequence > last:
                fresh.append(message)
                last = sequence
        return fresh

    async def _start(self) -> None:
        await self._feed.guard()
        stream, first = self._feed.stream, self._feed.position() + 1
        name = await consumers.ephemeral(self._connection, stream, self._feed.subject, first)
        self._pull = OrderedPull(self._connection, stream, name, WINDOW, self._gather, lost=self._lost)
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
        log.info("projector.consumer_renewed", actor=self.name, reason=reason)
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
                    log.warning("projector.renewal_failed", actor=self.name, error=str(error))
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
