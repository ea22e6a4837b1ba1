"""Reading the whole log once, without haste, for events that the server has lost and does not know of."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

import structlog
from nats.errors import Error as NatsError

from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.errors import CallboardError
from callboard.events.jetstream_api import demand
from callboard.events.log_pages import LogPages
from callboard.events.reader import Reader
from callboard.events.ticket import sequence_of
from callboard.log_guard import lost_for_good
from callboard.projections.losses import Losses

log = structlog.get_logger()

REST: Final = 4
"""So many times as long as a page took, nothing is read: the patrol has a fifth of a core at most, here and there."""

RETRY_SECONDS: Final = 1.0
MAX_RETRY_SECONDS: Final = 60.0


class Patrol:
    """Looks at each event of the log, up to where it ends when that begins. For the loop of the connection.

    A message whose bytes are not what they were the server only leaves out when it is read. What is kept meanwhile is a
    page of messages, without their bodies.
    """

    def __init__(self, connection: Connection, known: Callable[[], Losses], found: Callable[[Losses], None]) -> None:
        """``known`` returns what is known to be lost; ``found`` is told of what else is, and that ends the patrol."""
        self._connection = connection
        self._known, self._found = known, found
        self._round: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Go round from the first event on, instead of what was begun before."""
        if self._round is not None:
            self._round.cancel()
        self._round = asyncio.ensure_future(self._go())

    async def end(self) -> None:
        """Look no further; may be called twice."""
        going, self._round = self._round, None
        if going is not None:
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)

    async def _go(self) -> None:
        began, seq, last, pause = time.monotonic(), 0, 0, RETRY_SECONDS
        # A connection that is lost comes back with another round.
        while self._connection.is_connected:
            try:
                last = last or await self._last_seq()
                async with aclosing(self._pages(seq + 1)) as pages:
                    while seq < last:
                        page = await anext(pages)
                        end = min(page[-1], last) if page else last
                        if await self._lacks(Losses.between(page, seq + 1, end)):
                            return
                        seq = end
            except (CallboardError, NatsError) as error:
                log.debug("patrol.interrupted", seq=seq, error=str(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, MAX_RETRY_SECONDS)
            else:
                log.info("patrol.ended", last_seq=last, seconds=round(time.monotonic() - began, 3))
                return

    async def _lacks(self, lost: Losses) -> bool:
        """Tell whether ``lost`` are lost indeed and nobody knew of it; then it is told."""
        if lost and (unknown := lost - self._known()):
            lost = await lost_for_good(Reader(self._connection, subjects.EVENTS), unknown)
            if lost:
                self._found(lost)
                return True
        return False

    async def _pages(self, first: int) -> AsyncGenerator[list[int], None]:
        """Yield the sequences that are there from ``first`` on, a page at a time with pauses, empty ones at the end."""
        pages = await LogPages.open(self._connection, subjects.EVENTS, ">", first, headers_only=True)
        try:
            while True:
                began = time.monotonic()
                yield [sequence_of(each.reply) for each in await pages.next_messages()]
                await asyncio.sleep(REST * (time.monotonic() - began))
        finally:
            await pages.close()

    async def _last_seq(self) -> int:
        info = await demand(self._connection, f"STREAM.INFO.{subjects.EVENTS}")
        return int(info["state"]["last_seq"])
