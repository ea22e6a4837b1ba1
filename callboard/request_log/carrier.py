"""The background thread of the middleware: makes lines of records and stores them, whatever the server does."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent import futures
from typing import Any, Final

import structlog
from msgspec import Struct
from nats.errors import Error as NatsError
from nats.nuid import NUID

from callboard.connecting import connect
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.errors import CallboardError, LogRefusedError
from callboard.events.loop import Loop
from callboard.nats_url import shown_url
from callboard.request_log.buffer import FULL, Buffer
from callboard.request_log.record import Record
from callboard.request_log.rendering import Rendering
from callboard.request_log.tally import Tally
from callboard.requester import Message, Requester

log = structlog.get_logger()

BATCH: Final = 500
BATCH_BYTES: Final = 512 * 1024
SLICE: Final = 20
"""So many lines are made in a row before the interpreter is offered to the threads that answer requests."""

_OVERHEAD: Final = 256
"""What a line takes beside its bytes: the objects, and its place in a batch."""

_TICK_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 0.5
_ANSWER_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 2.0
_REPEATED: Final = 10201
"""A batch with this message id is there already."""


class _Line(Struct, frozen=True):
    """A line ready to go."""

    data: bytes

    @property
    def size(self) -> int:
        """About how many bytes of memory it holds."""
        return len(self.data) + _OVERHEAD


class Carrier:
    """Stores what is put into ``buffer``, oldest first, over a connection of its own; for one life from start to stop.

    A batch that was not confirmed is sent again under the id it has, so that it is stored once.
    """

    def __init__(
        self, url: str, options: Mapping[str, Any], buffer: Buffer, rendering: Rendering, tally: Tally
    ) -> None:
        self._url = url
        self._options = options
        self._buffer = buffer
        self._rendering = rendering
        self._tally = tally
        self._ready: deque[_Line] = deque()
        self._ids = NUID()
        self._loop = Loop("callboard-request-log")
        self._ending = threading.Event()
        self._connection: Connection | None = None
        self._trouble = ""
        self._rendered = False
        self._work = self._loop.spawn(self._carry())

    def start(self) -> None:
        """Start the thread; returns at once, whether there is a server or not."""
        self._loop.start()

    def stop(self, seconds: float) -> None:
        """Store what is left, for up to ``seconds``, count what could not be stored, and end the thread."""
        self._ending.set()
        # Not asked for its result: it has none, and may be over before this.
        futures.wait([self._work], seconds)
        self._work.cancel()
        self._loop.run(self._disconnect())
        self._loop.stop()
        self._drop_rest()
        self._tally.tell(last=True)

    async def _carry(self) -> None:
        await asyncio.gather(self._render_all(), self._ship_all())

    def _drop_rest(self) -> None:
        left = [each.size for each in self._ready]
        while (record := self._buffer.take()) is not None:
            left.append(record.size)
        for size in left:
            self._buffer.release(size)
        if left:
            self._tally.add("dropped", len(left), error=self._trouble or "stopped")

    # --- records to lines

    async def _render_all(self) -> None:
        while not self._ending.is_set():
            await asyncio.sleep(_TICK_SECONDS)
            await self._render()
            self._tally.tell()
        await self._render()
        self._rendered = True

    async def _render(self) -> None:
        """Make lines of all records at once, also of those that wait for the server: their tokens are valid now."""
        made = 0
        while (record := self._buffer.take()) is not None:
            self._render_one(record)
            made += 1
            if made % SLICE == 0:
                await asyncio.sleep(0)

    def _render_one(self, record: Record) -> None:
        try:
            line = _Line(self._rendering.line(record))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other lines have nothing to do with it
            self._buffer.release(record.size)
            self._tally.add("dropped", error=repr(error))
            return
        if self._buffer.change(record.size, line.size):
            self._ready.append(line)
        else:
            self._tally.add("dropped", error=FULL)

    # --- lines to the server

    async def _ship_all(self) -> None:
        while self._ready or not self._rendered:
            if not self._ready:
                await asyncio.sleep(_TICK_SECONDS)
                continue
            batch = self._batch()
            await self._ship(batch, self._ids.next().decode())
            for line in batch:
                self._ready.popleft()
                self._buffer.release(line.size)
            self._tally.add("stored", len(batch))

    def _batch(self) -> list[_Line]:
        batch: list[_Line] = []
        size = 0
        for line in self._ready:
            if len(batch) == BATCH or (batch and size + len(line.data) > BATCH_BYTES):
                break
            batch.append(line)
            size += len(line.data)
        return batch

    async def _ship(self, batch: Sequence[_Line], batch_id: str) -> None:
        """Return once ``batch`` is stored, however long that takes."""
        first, *others = (line.data for line in batch)
        messages = [Message(subjects.REQUEST, first, {"Nats-Msg-Id": batch_id})]
        messages += [Message(subjects.REQUEST, each) for each in others]
        while True:
            try:
                connection = await self._connected()
                await Requester(connection, shown_url(self._url), _ANSWER_SECONDS).publish_batch(messages)
            except LogRefusedError as error:
                if error.code == _REPEATED:
                    return self._well()
                await self._ill(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the lines wait until it is over
                await self._ill(error)
            else:
                return self._well()

    def _well(self) -> None:
        if self._trouble:
            log.info("request_log.available", waiting=len(self._buffer))
            self._trouble = ""

    async def _ill(self, error: Exception) -> None:
        denied = self._connection is not None and self._connection.may_not_publish(subjects.REQUEST)
        reason = f"the server does not let this user publish to {subjects.REQUEST}" if denied else str(error)
        if not self._trouble:
            log.warning("request_log.unavailable", error=reason)
        self._trouble = reason or repr(error)
        await asyncio.sleep(_RETRY_SECONDS)

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed:
            self._connection = Connection()
            try:
                await connect(self._connection, self._url, **{"name": "callboard-request-log", **self._options})
            except CallboardError:
                await self._disconnect()
                raise
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(NatsError, OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await connection.close()
