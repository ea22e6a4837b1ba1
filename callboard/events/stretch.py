"""A stretch of a stream, read in order and ahead of the one who takes it."""

import asyncio
from typing import Final

from nats.errors import Error as NatsError

from callboard.events.connection import Connection
from callboard.events.consumers import counted
from callboard.events.errors import LogUnavailableError
from callboard.events.message import Message
from callboard.events.ordered_pull import OrderedPull
from callboard.events.ticket import left_behind, sequence_of

WINDOW: Final = 16_000
"""Messages that may be on their way or wait to be taken."""

BATCH: Final = 4_000
_SILENCE_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.25


class Stretch:
    """The messages of ``stream`` under ``subject`` with sequences from ``first`` to ``last``, each once and in order.

    They are messages as a consumer delivers them: their reply subject has sequence and storage time. Coroutines; to be
    used on the loop of the connection. A connection that breaks and comes back is no reason to begin again.
    """

    def __init__(
        self, connection: Connection, stream: str, subject: str, first: int, last: int, *, window: int = WINDOW
    ) -> None:
        self._connection = connection
        self._stream, self._subject = stream, subject
        self._next, self._last = first, last
        self._window = window
        self._arrived: asyncio.Queue[list[Message] | str] = asyncio.Queue()
        self._pull: OrderedPull | None = None
        self._held = 0
        self._over = first > last

    async def next(self) -> list[Message]:
        """Return the next messages, one at least and some thousands at most; none at the end.

        Raises:
            LogUnavailableError: the server was silent, or away, for half a minute.
            LogRefusedError: it would not.
        """
        if self._over:
            return []
        if self._pull is None:
            await self._begin()
        else:
            self._pull.release(self._held)
        found: list[Message] = []
        while not self._over and not found:
            found = await self._take()
        self._held = len(found)
        return self._within(found)

    async def close(self) -> None:
        """Read no further; may be called twice."""
        self._over = True
        pull, self._pull = self._pull, None
        if pull is not None:
            await pull.stop()

    async def _take(self) -> list[Message]:
        found: list[Message] = []
        try:
            arrived = await asyncio.wait_for(self._arrived.get(), _SILENCE_SECONDS)
        except TimeoutError as error:
            raise LogUnavailableError(f"the server sent nothing of stream {self._stream} for a while") from error
        while isinstance(arrived, list):
            found += arrived
            if len(found) >= BATCH or self._arrived.empty():
                return found
            arrived = self._arrived.get_nowait()
        if found:
            self._arrived.put_nowait(arrived)  # nothing follows the word of a gap
        else:
            await self._begin_anew()
        return found

    def _within(self, found: list[Message]) -> list[Message]:
        """Return those of ``found`` that belong to the stretch, and note where it goes on or that it has ended."""
        if not found:
            return found
        newest = sequence_of(found[-1].reply)
        self._next = newest + 1
        if newest >= self._last or not left_behind(found[-1].reply):
            self._over = True
        return found if newest <= self._last else [each for each in found if sequence_of(each.reply) <= self._last]

    async def _begin(self) -> None:
        name, waiting = await counted(self._connection, self._stream, self._subject, self._next)
        if not waiting:
            self._over = True
            return
        put = self._arrived.put_nowait
        self._pull = OrderedPull(self._connection, self._stream, name, self._window, put, lost=put)
        await self._pull.start()

    async def _begin_anew(self) -> None:
        until = asyncio.get_running_loop().time() + _SILENCE_SECONDS
        while True:
            try:
                if self._pull is not None:
                    await self._pull.stop()
                await self._begin()
            except (LogUnavailableError, NatsError) as error:
                if asyncio.get_running_loop().time() >= until:
                    raise LogUnavailableError(f"stream {self._stream} cannot be read on: {error}") from error
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return
