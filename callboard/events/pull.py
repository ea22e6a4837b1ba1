"""One continuous pull from a JetStream consumer (ADR-37): never more messages than there is room for.

Requests overlap on one inbox and are sent again before the last one is used up, so that the server never waits for us.
Whenever it is not known which of them still stand, after a reconnect or a silence, they are left behind together with
their inbox, and a new one begins.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from callboard.events.connection import Connection
from callboard.events.headers import DESCRIPTION, ack_frame
from callboard.events.message import Message

HEARTBEAT_SECONDS: Final = 5.0
_EXPIRES_HEARTBEATS: Final = 6
"""How long one request stands, in heartbeats."""

_SILENT_HEARTBEATS: Final = 3
"""So many are missed before the server is taken to have forgotten us."""

_NANOSECONDS: Final = 1_000_000_000
_HEARTBEAT: Final = "100"
_TIMEOUT: Final = "408"
_NO_RESPONDERS: Final = "503"
_GONE: Final = ("Consumer Deleted", "Consumer is push based")
_NAK: Final = b"-NAK"
INTERRUPTED: Final = "the connection was interrupted"


class Pull:
    """Messages of one consumer, handed over in bursts on the event loop. Room is given back with :meth:`release`."""

    def __init__(  # noqa: PLR0913 - what it pulls, how, and whom it tells
        self,
        connection: Connection,
        stream: str,
        consumer: str,
        window: int,
        deliver: Callable[[list[Message]], None],
        *,
        lost: Callable[[str], None] | None = None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        expires_seconds: float | None = None,
    ) -> None:
        """Pull from ``consumer`` of ``stream``, at most ``window`` messages out at a time.

        ``deliver`` gets each burst, on the loop, and must not block. ``lost`` is told when the consumer is no more,
        once until there are messages again; the pull goes on asking for it every ``heartbeat_seconds``. A request
        stands for ``expires_seconds``, at least two heartbeats; by default it is six.
        """
        self._connection = connection
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._window = window
        self._deliver = deliver
        self._lost = lost
        self._heartbeat_seconds = heartbeat_seconds
        self._expires_seconds = expires_seconds or _EXPIRES_HEARTBEATS * heartbeat_seconds
        self._held = 0
        self._asked = 0
        self._burst: list[Message] = []
        self._late: list[Message] = []
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._heard = 0.0
        self._broken = ""
        self._told = False
        self._stopped = False
        self._beginning = asyncio.Lock()
        self._work: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to pull."""
        self._connection.on_reconnect(self._reconnected)
        await self._begin()
        self._tick()

    async def stop(self) -> None:
        """End the pull; messages not yet handed over go back to the server at once. May be called twice."""
        self._stopped = True
        self._connection.forget_reconnect(self._reconnected)
        if self._watch is not None:
            self._watch.cancel()
        for task in self._work:
            task.cancel()
        await self._leave()
        late, self._burst, self._late = self._burst + self._late, [], []
        for message in late:
            await self._return(message)

    def release(self, count: int) -> None:
        """Say that ``count`` of the delivered messages are dealt with; on the loop."""
        self._held = max(0, self._held - count)
        self._ask()

    def claim(self, count: int) -> None:
        """Take back :meth:`release` for ``count`` messages; on the loop."""
        self._held += count

    async def _begin(self) -> None:
        async with self._beginning:
            await self._leave()
            inbox = self._connection.new_inbox()
            # The window bounds what waits here.
            self._subscription = await self._connection.tap(inbox, self._receive)
            self._inbox = inbox
            self._asked = 0
            self._broken, self._told = "", False
            self._heard = asyncio.get_running_loop().time()
            self._ask()

    async def _leave(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await self._connection.leave(subscription)

    def _ask(self) -> None:
        room = self._window - self._held - self._asked
        # Asking in quarters of the window keeps requests few and the server busy.
        if self._subscription is None or self._stopped or self._broken or room < max(1, self._window // 4):
            return
        self._asked += room
        request = {
            "batch": room,
            "expires": int(self._expires_seconds * _NANOSECONDS),
            "idle_heartbeat": int(self._heartbeat_seconds * _NANOSECONDS),
        }
        self._spawn(self._request(msgspec.json.encode(request)))

    async def _request(self, body: bytes) -> None:
        try:
            await self._connection.publish(self._subject, body, reply=self._inbox)
        except NatsError:
            # Not connected: the reconnect begins anew.
            self._broken = INTERRUPTED

    def _receive(self, message: Message) -> None:
        self._heard = asyncio.get_running_loop().time()
        if not message.reply and (status := message.status):
            self._status(status, message)
        elif self._stopped:
            self._late.append(message)
        else:
            self._take(message)

    def _take(self, message: Message) -> None:
        self._asked = max(0, self._asked - 1)
        self._held += 1
        if not self._burst:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._burst.append(message)

    def _hand_over(self) -> None:
        if self._stopped:
            return
        burst, self._burst = self._burst, []
        if burst:
            self._deliver(burst)
            self._ask()

    async def _return(self, message: Message) -> None:
        try:
            await self._connection.write(ack_frame(message.reply, _NAK))
        except NatsError:
            # Not connected: it comes again when the server has waited long enough for an acknowledgement.
            return

    def _status(self, status: str, message: Message) -> None:
        headers = message.headers or {}
        left = headers.get("Nats-Pending-Messages")
        if status == _HEARTBEAT or self._stopped:
            return
        if left is not None:
            self._asked = max(0, self._asked - int(left))
            # Any other end than its time being up: asking again at once would only get the same.
            if status == _TIMEOUT:
                self._ask()
            return
        # How much of what was asked for still stands is not known.
        self._broken = "the server ended a request"
        description = headers.get(DESCRIPTION, "")
        if status == _NO_RESPONDERS or description in _GONE:
            self._lose(description or "no such consumer")

    def _reconnected(self) -> None:
        self._restart(INTERRUPTED)

    def _restart(self, _reason: str) -> None:
        self._spawn(self._begin_anew())

    async def _begin_anew(self) -> None:
        try:
            await self._begin()
        except NatsError:
            # The connection was closed for good, and whoever closed it ends this pull, too.
            self._broken = INTERRUPTED

    def _lose(self, reason: str) -> None:
        self._broken = reason
        if self._lost is not None and not self._told:
            self._told = True
            # Later, on its own: this may be the reading of the connection.
            asyncio.get_running_loop().call_soon(self._lost, reason)

    def _tick(self) -> None:
        """Look after the pull, once every heartbeat."""
        loop = asyncio.get_running_loop()
        if self._broken:
            self._restart(self._broken)
        elif self._asked and loop.time() - self._heard > _SILENT_HEARTBEATS * self._heartbeat_seconds:
            self._restart("no heartbeat")
        else:
            self._ask()
        self._watch = loop.call_later(self._heartbeat_seconds, self._tick)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
