"""One continuous pull from a JetStream consumer (ADR-37): never more messages than there is room for.

Requests overlap on one inbox and are sent again before the last one is used up, so that the server never waits for us;
silence longer than the idle heartbeat, and every reconnect, starts them anew.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from callboard.events.connection import Connection
from callboard.events.headers import DESCRIPTION, STATUS

EXPIRES_SECONDS: Final = 30
HEARTBEAT_SECONDS: Final = 5
_NANOSECONDS: Final = 1_000_000_000
_GONE: Final = ("Consumer Deleted", "Consumer is push based")
_NO_RESPONDERS: Final = "503"


class Pull:
    """Messages of one consumer, handed over in bursts on the event loop. Room is given back with :meth:`release`."""

    def __init__(
        self,
        connection: Connection,
        stream: str,
        consumer: str,
        window: int,
        deliver: Callable[[list[Msg]], None],
        *,
        lost: Callable[[str], None] | None = None,
    ) -> None:
        """Pull from ``consumer`` of ``stream``, at most ``window`` messages out at a time.

        ``deliver`` gets each burst, on the loop, and must not block; ``lost`` is told when the consumer is no more.
        """
        self._connection = connection
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._window = window
        self._deliver = deliver
        self._lost = lost
        self._held = 0
        self._asked = 0
        self._burst: list[Msg] = []
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._heard = 0.0

    async def start(self) -> None:
        """Begin to pull."""
        self._inbox = self._connection.new_inbox()
        self._subscription = await self._connection.subscribe(self._inbox, cb=self._receive)
        self._connection.on_reconnect(self._restart)
        self._restart()
        self._watch_silence()

    async def stop(self) -> None:
        """End the pull; messages not yet handed over stay with the server. May be called twice."""
        self._connection.forget_reconnect(self._restart)
        if self._watch is not None:
            self._watch.cancel()
        subscription, self._subscription = self._subscription, None
        if subscription is not None and not self._connection.is_closed:
            try:
                await subscription.unsubscribe()
            except NatsError:
                # The connection went away first: there is nothing left to unsubscribe from.
                return

    def release(self, count: int) -> None:
        """Say that ``count`` of the delivered messages are dealt with; on the loop."""
        self._held = max(0, self._held - count)
        self._ask()

    def _restart(self) -> None:
        self._asked = 0
        self._heard = asyncio.get_running_loop().time()
        self._ask()

    def _ask(self) -> None:
        room = self._window - self._held - self._asked
        # Asking in quarters of the window keeps requests few and the server busy.
        if self._subscription is None or room < max(1, self._window // 4):
            return
        self._asked += room
        body = msgspec.json.encode(
            {
                "batch": room,
                "expires": EXPIRES_SECONDS * _NANOSECONDS,
                "idle_heartbeat": HEARTBEAT_SECONDS * _NANOSECONDS,
            }
        )
        self._task = asyncio.ensure_future(self._request(body, room))

    async def _request(self, body: bytes, room: int) -> None:
        try:
            await self._connection.publish(self._subject, body, reply=self._inbox)
        except NatsError:
            # Not connected: the reconnect asks anew.
            self._asked = max(0, self._asked - room)

    async def _receive(self, message: Msg) -> None:
        self._heard = asyncio.get_running_loop().time()
        if not message.reply and message.headers and STATUS in message.headers:
            self._status(message)
            return
        self._asked = max(0, self._asked - 1)
        self._held += 1
        if not self._burst:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._burst.append(message)

    def _hand_over(self) -> None:
        burst, self._burst = self._burst, []
        if self._subscription is not None:
            self._deliver(burst)
            self._ask()

    def _status(self, message: Msg) -> None:
        headers = message.headers or {}
        description = headers.get(DESCRIPTION, "")
        if headers[STATUS] == "100":
            return
        if headers[STATUS] == _NO_RESPONDERS or description in _GONE:
            self._asked = 0
            if self._lost is not None:
                self._lost(description or "no such consumer")
            return
        self._asked = max(0, self._asked - int(headers.get("Nats-Pending-Messages", 0)))
        self._ask()

    def _watch_silence(self) -> None:
        loop = asyncio.get_running_loop()
        if self._asked and loop.time() - self._heard > 3 * HEARTBEAT_SECONDS:
            self._restart()
        self._watch = loop.call_later(HEARTBEAT_SECONDS, self._watch_silence)
