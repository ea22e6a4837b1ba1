"""Events as they happen: what a subscriber of ``callboard.live.>`` hears."""

import time
from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from tests.support.wire_event import TERMINAL, WireEvent, names

Wanted = Callable[[WireEvent], bool]


class LiveEvents:
    """What came in so far is in ``events``; waiting has a deadline."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self.messages: list[Msg] = []
        self.events: list[WireEvent] = []

    @classmethod
    async def of(cls, connection: Client, subject: str) -> "LiveEvents":
        """Follow ``subject``; whatever is stored after this returns is heard."""
        subscription = await connection.subscribe(subject, pending_bytes_limit=-1, pending_msgs_limit=-1)
        await connection.flush()
        return cls(subscription)

    async def until(self, *wanted: str, seconds: float = 20.0) -> list[WireEvent]:
        """Return all events so far, once one with one of these names has come."""
        return await self.until_count(lambda event: event.name in wanted, 1, " or ".join(wanted), seconds)

    async def until_over(self, seconds: float = 20.0) -> list[WireEvent]:
        """Return all events so far, once a terminal one has come."""
        return await self.until(*TERMINAL, seconds=seconds)

    async def until_delivered(self, count: int = 1, seconds: float = 20.0) -> list[WireEvent]:
        """Return all events so far, once ``count`` deliveries were made or given up."""
        return await self.until_count(_ends_delivery, count, "the end of a delivery", seconds)

    async def until_all(self, name: str, count: int, seconds: float = 20.0) -> list[WireEvent]:
        """Return all events so far, once ``count`` of that name have come."""
        return await self.until_count(lambda event: event.name == name, count, name, seconds)

    async def until_count(self, wanted: Wanted, count: int, what: str, seconds: float) -> list[WireEvent]:
        """Return all events so far, once ``count`` are as ``wanted``; they may have come before."""
        deadline = time.monotonic() + seconds
        missing = count - sum(map(wanted, self.events))
        while missing > 0:
            await self._next(deadline - time.monotonic(), f"{missing} more: {what}")
            missing -= wanted(self.events[-1])
        return self.events

    async def _next(self, seconds: float, what: str) -> None:
        try:
            message = await self._subscription.next_msg(timeout=max(seconds, 0.001))
        except TimeoutError as error:
            raise AssertionError(f"waited in vain for {what}, heard {names(self.events)}") from error
        self.messages.append(message)
        self.events.append(WireEvent(message.subject, int((message.headers or {})["Nats-Sequence"]), message.data))


def _ends_delivery(event: WireEvent) -> bool:
    return event.name == "delivered" or bool(event.fields.get("final"))
