"""Following stored events as they happen."""

import asyncio
from collections import deque
from types import TracebackType
from typing import Final, Self

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from callboard.errors import MissedEventsError
from callboard.event_info import EventInfo, from_message
from callboard.events.connection import Connection

MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""How much may wait for a reader that is slower than the events."""


class Follower:
    """An async iterator over live events, oldest first, from the moment it is entered (or first asked).

    Live events are a broadcast: nobody keeps them for a reader that is away. When some were lost, because the
    connection broke or the reader fell too far behind, the iterator yields what came before the gap and then raises
    MissedEventsError; it never goes on as if nothing had happened.
    """

    def __init__(self, connection: Connection, subject: str, *, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._connection = connection
        self._subject = subject
        self._limit = max_waiting_bytes
        self._waiting: deque[Msg] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._gap = ""
        self._seq = 0
        self._over = False
        self._subscription: Subscription | None = None
        self._connects = 0

    async def open(self) -> Self:
        """Subscribe; every event stored from here on is seen."""
        if self._subscription is None:
            self._connects = self._connection.stats["reconnects"]
            self._subscription = await self._connection.subscribe(self._subject, cb=self._take)
            self._connection.on_reconnect(self._reconnected)
            await self._connection.flush()
        return self

    async def close(self) -> None:
        """Unsubscribe and end the iteration; may be called twice."""
        self._over = True
        self._news.set()
        await self._stop()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EventInfo:
        """Return the next event.

        Raises:
            MissedEventsError: events were lost after the last one returned; the iteration is then over.
        """
        if not self._over:
            await self.open()
        while not self._waiting:
            if self._gap and not self._over:
                await self.close()
                raise MissedEventsError(self._gap, self._seq)
            if self._over:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._next()

    def _next(self) -> EventInfo:
        message = self._waiting.popleft()
        self._bytes -= len(message.data)
        self._seq = int((message.headers or {}).get("Nats-Sequence", 0))
        return from_message(message.subject, message.data, self._seq)

    async def _take(self, message: Msg) -> None:
        if self._connection.stats["reconnects"] != self._connects:
            # The first messages behind a reconnect arrive before anybody says that there was one.
            self._reconnected()
        if self._gap:
            return
        if self._bytes + len(message.data) > self._limit:
            self._lost(f"the reader is more than {self._limit} bytes behind")
            return
        self._waiting.append(message)
        self._bytes += len(message.data)
        self._news.set()

    def _reconnected(self) -> None:
        self._lost("the connection to the server was interrupted")

    def _lost(self, reason: str) -> None:
        self._gap = self._gap or reason
        self._news.set()

    async def _stop(self) -> None:
        subscription, self._subscription = self._subscription, None
        self._connection.forget_reconnect(self._reconnected)
        if subscription is not None and not self._connection.is_closed:
            await subscription.unsubscribe()
