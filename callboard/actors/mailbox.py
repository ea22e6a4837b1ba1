"""A durable consumer's messages, pulled as an actor has room for them, and their acknowledgements."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, Final

import structlog
from msgspec import Struct
from nats.errors import Error as NatsError

from callboard.actors.letter import Letter
from callboard.events import consumers
from callboard.events.connection import Connection
from callboard.events.errors import CallboardError, LogUnavailableError
from callboard.events.headers import ack_frame
from callboard.events.jetstream_api import demand
from callboard.events.loop import Loop
from callboard.events.message import Message
from callboard.events.pull import HEARTBEAT_SECONDS, Pull

log = structlog.get_logger()

_ACK: Final = b"+ACK"
_IN_PROGRESS: Final = b"+WPI"
_RENEW_SECONDS: Final = 1.0


class Source(Struct, frozen=True, kw_only=True):
    """Where a mailbox gets its messages: a durable consumer over ``filters`` of a stream.

    ``window`` bounds what the mailbox holds, ``max_ack_pending`` that and what was given back for a while.
    """

    stream: str
    durable: str
    filters: tuple[str, ...]
    window: int
    ack_wait_seconds: float
    max_ack_pending: int = consumers.MAX_ACK_PENDING


class Mailbox:
    """Pulls one source and hands letters to ``deliver`` in bursts, on the I/O thread.

    What it holds is kept from redelivery by in-progress acknowledgements until :meth:`ack` or :meth:`give_back`. Where
    these could not be made for the ack wait, because the process was suspended or the server out of reach, others may
    have got the same messages: all of them are let go of, without a word to the server, which would count for those
    others. May be stopped before it was started, and twice.
    """

    def __init__(
        self, loop: Loop, connection: Connection, source: Source, deliver: Callable[[list[Letter]], None]
    ) -> None:
        self._loop = loop
        self._connection = connection
        self.source = source
        self._deliver = deliver
        self._held: dict[str, Letter] = {}
        self._lent: set[str] = set()
        self._ours_until = math.inf
        self._pull: Pull | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Create the consumer when it is absent and begin to pull.

        Raises:
            LogRefusedError, LogUnavailableError: the server would not have the consumer, or did not answer.
        """
        self._loop.run(self._start())

    def stop(self, *, give_back: bool = False) -> None:
        """Pull no more; with ``give_back`` return what is held to the queue, for whoever comes next."""
        self._loop.run(self._stop(give_back=give_back))

    def ack(self, letters: Sequence[Letter]) -> None:
        """Say that ``letters`` need no more work. Not durable: a crash of the server may bring them again."""
        if letters:
            self._spawn(self._settle(letters, _ACK))

    def give_back(self, letters: Sequence[Letter], delay_seconds: float = 0.0) -> None:
        """Return ``letters`` to the queue, to be delivered again after ``delay_seconds``."""
        if letters:
            self._spawn(self._settle(letters, _nak(delay_seconds)))

    def forget(self, letters: Sequence[Letter]) -> None:
        """Let go of ``letters`` without a word to the server: a newer delivery of the same message is held.

        An acknowledgement of the older one would count for both.
        """
        if letters:
            self._spawn(self._settle(letters, None))

    def alone(self) -> bool:
        """Tell whether nobody else holds anything of this source; only while nothing is acknowledged here.

        Raises:
            LogRefusedError, LogUnavailableError: the server did not say.
        """
        return self._loop.run(self._alone())

    def holds(self, letter: Letter) -> bool:
        """Tell whether ``letter`` is surely not in the hands of anybody else; from any thread."""
        return letter.reply in self._held and time.monotonic() < self._ours_until

    def lend(self, letter: Letter) -> None:
        """Let another message come while ``letter``, which stays held, only waits; from any thread."""
        self._loop.loop.call_soon_threadsafe(self._lend, letter)

    def reclaim(self, letter: Letter) -> None:
        """Take back what :meth:`lend` let come, with the next that goes; from any thread."""
        self._loop.loop.call_soon_threadsafe(self._reclaim, letter)

    async def _alone(self) -> bool:
        held, source = len(self._held), self.source
        info = await demand(self._connection, f"CONSUMER.INFO.{source.stream}.{source.durable}")
        return int(info["num_ack_pending"]) <= held

    async def _start(self) -> None:
        source = self.source
        await consumers.durable(
            self._connection,
            source.stream,
            source.durable,
            list(source.filters),
            ack_wait_seconds=source.ack_wait_seconds,
            max_ack_pending=source.max_ack_pending,
        )
        self._let_go()
        self._ours_until = time.monotonic() + source.ack_wait_seconds
        # What a suspended process asked for must not stand when the first of what it held is given to others: the
        # server would give it to that process once more.
        expires_seconds = source.ack_wait_seconds * 2 / 3
        self._pull = Pull(
            self._connection,
            source.stream,
            source.durable,
            source.window,
            self._take,
            lost=self._consumer_lost,
            heartbeat_seconds=min(HEARTBEAT_SECONDS, expires_seconds / 2),
            expires_seconds=expires_seconds,
        )
        try:
            await self._pull.start()
        except NatsError as error:
            raise LogUnavailableError(f"cannot pull from {source.durable}: {error!r}") from error
        if self._keeper is None:
            self._keeper = asyncio.ensure_future(self._keep())

    async def _stop(self, *, give_back: bool) -> None:
        pull, self._pull = self._pull, None
        if self._renewal is not None:
            self._renewal.cancel()
        if pull is not None:
            await pull.stop()
        if not give_back:
            return
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None
        if self._held:
            await self._settle(list(self._held.values()), _nak(0.0))

    def _take(self, burst: list[Message]) -> None:
        letters = [Letter(each, self) for each in burst]
        for letter in letters:
            self._held[letter.reply] = letter
        self._deliver(letters)

    async def _settle(self, letters: Sequence[Letter], verdict: bytes | None) -> None:
        held = [letter for letter in letters if self._held.pop(letter.reply, None) is not None]
        lent = sum(self._unlend(letter) for letter in held)
        # What may be in the hands of others is not given back: the server would take it from them.
        if verdict is not None and (verdict is _ACK or time.monotonic() < self._ours_until):
            await self._write(held, verdict)
        if self._pull is not None:
            self._pull.release(len(held) - lent)

    def _lend(self, letter: Letter) -> None:
        if letter.reply in self._held and letter.reply not in self._lent:
            self._lent.add(letter.reply)
            if self._pull is not None:
                self._pull.release(1)

    def _reclaim(self, letter: Letter) -> None:
        if self._unlend(letter) and self._pull is not None:
            self._pull.claim(1)

    def _unlend(self, letter: Letter) -> bool:
        lent = letter.reply in self._lent
        self._lent.discard(letter.reply)
        return lent

    async def _write(self, letters: Sequence[Letter], verdict: bytes) -> None:
        try:
            await self._connection.write(b"".join(ack_frame(letter.reply, verdict) for letter in letters))
        except NatsError:
            # Not connected: the messages come again, and the log says what became of them.
            log.debug("mailbox.ack_unsent", durable=self.source.durable, count=len(letters))

    async def _keep(self) -> None:
        """Tell the server every third of the ack wait that what is held is being worked on."""
        while True:
            await asyncio.sleep(self.source.ack_wait_seconds / 3)
            await self._prolong()

    async def _prolong(self) -> None:
        asked = time.monotonic()
        if self._held and asked < self._ours_until:
            await self._write(list(self._held.values()), _IN_PROGRESS)
        try:
            await self._connection.flush(math.ceil(self.source.ack_wait_seconds))
        except (NatsError, TimeoutError):
            return
        # The server has it, and whatever it sent before that has arrived.
        if self._held and time.monotonic() >= self._ours_until:
            log.warning("mailbox.leases_lapsed", durable=self.source.durable, count=len(self._held))
            self._let_go()
        self._ours_until = asked + self.source.ack_wait_seconds

    def _let_go(self) -> None:
        """Hold nothing any more: what was held may be in the hands of others."""
        count = len(self._held) - len(self._lent)
        self._held.clear()
        self._lent.clear()
        if self._pull is not None:
            self._pull.release(count)

    def _consumer_lost(self, reason: str) -> None:
        log.warning("mailbox.consumer_lost", durable=self.source.durable, reason=reason)
        self._renewal = asyncio.ensure_future(self._renew())

    async def _renew(self) -> None:
        while self._pull is not None:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                await self._pull.stop()
                await self._start()
            except (CallboardError, NatsError) as error:
                log.warning("mailbox.renewal_failed", durable=self.source.durable, error=str(error))
            else:
                return

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._loop.spawn(work).add_done_callback(self._settled)

    def _settled(self, future: "Future[None]") -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            log.error("mailbox.failed", durable=self.source.durable, exc_info=error)


def _nak(delay_seconds: float) -> bytes:
    return b"-NAK" if not delay_seconds else b'-NAK {"delay": %d}' % int(delay_seconds * 1_000_000_000)
