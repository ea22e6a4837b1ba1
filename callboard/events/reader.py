"""Reading stored messages straight from a stream (direct get, ADR-31), without a consumer."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from callboard.events.connection import Connection
from callboard.events.errors import LogUnavailableError
from callboard.events.headers import STATUS

EVENT_HEADER: Final = "Callboard-Event"
TOPIC_HEADER: Final = "Callboard-Topic"
MAX_FILTERS: Final = 512
"""Filters in one multi-get; the server answers at most 1,024 subjects and says 413 beyond that."""

END_OF_BATCH: Final = "204"
NOTHING_FOUND: Final = "404"
TOO_MANY: Final = "413"
_ANSWER_SECONDS: Final = 5.0


class StoredMessage(Struct, frozen=True, kw_only=True):
    """One message as the stream holds it. ``event_id`` and ``topic`` come from headers, empty when there are none."""

    subject: str
    seq: int
    data: bytes
    event_id: str = ""
    topic: str = ""


class TooManyResultsError(Exception):
    """The filters match more subjects than the server answers in one multi-get."""


class Reader:
    """Direct gets from one stream. Coroutines; to be used on the loop of the connection."""

    def __init__(self, connection: Connection, stream: str) -> None:
        self._connection = connection
        self._subject = f"$JS.API.DIRECT.GET.{stream}"
        self._inbox = ""
        self._waiting: dict[str, asyncio.Queue[Msg]] = {}
        self._count = 0

    async def last(self, filters: Sequence[str], deadline: float = 30.0) -> list[StoredMessage]:
        """Return the last message of every subject that matches one of ``filters``, in stream order.

        Raises:
            TooManyResultsError: one single filter matches more subjects than the server answers at once.
            LogUnavailableError: the server did not answer within ``deadline`` seconds.
        """
        found: list[StoredMessage] = []
        parts = [list(filters[start : start + MAX_FILTERS]) for start in range(0, len(filters), MAX_FILTERS)]
        while parts:
            part = parts.pop(0)
            try:
                found += await self._answered({"multi_last": part}, deadline)
            except TooManyResultsError:
                if len(part) == 1:
                    raise
                half = len(part) // 2
                parts[:0] = [part[:half], part[half:]]
        found.sort(key=lambda message: message.seq)
        return found

    async def page(
        self, start: int, limit: int, subject: str = ">", deadline: float = 30.0
    ) -> list[StoredMessage]:
        """Return up to ``limit`` messages that match ``subject`` from sequence ``start`` on, in order.

        Raises:
            LogUnavailableError: the server did not answer within ``deadline`` seconds.
        """
        return await self._answered({"seq": max(1, start), "batch": limit, "next_by_subj": subject}, deadline)

    async def latest(self, subject: str = ">", deadline: float = 30.0) -> StoredMessage | None:
        """Return the last message that matches ``subject``, or None.

        Raises:
            LogUnavailableError: the server did not answer within ``deadline`` seconds.
        """
        found = await self._answered({"last_by_subj": subject}, deadline, single=True)
        return found[0] if found else None

    async def _answered(self, request: dict[str, Any], deadline: float, *, single: bool = False) -> list[StoredMessage]:
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline
        while True:
            # Reading is idempotent: an answer that did not come whole is asked for again.
            try:
                return await self._ask(request, min(_ANSWER_SECONDS, max(0.1, until - loop.time())), single=single)
            except (NatsError, TimeoutError, OSError) as error:
                if loop.time() >= until:
                    raise LogUnavailableError(f"the server did not answer a read within {deadline:g} s") from error
                await asyncio.sleep(0.1)

    async def _ask(self, request: dict[str, Any], timeout: float, *, single: bool) -> list[StoredMessage]:
        if not self._inbox:
            self._inbox = self._connection.new_inbox()
            await self._connection.subscribe(f"{self._inbox}.*", cb=self._receive)
        self._count += 1
        token = str(self._count)
        queue = self._waiting[token] = asyncio.Queue()
        try:
            await self._connection.publish(
                self._subject, msgspec.json.encode(request), reply=f"{self._inbox}.{token}"
            )
            async with asyncio.timeout(timeout):
                return await _collect(queue, single=single)
        finally:
            del self._waiting[token]

    async def _receive(self, message: Msg) -> None:
        queue = self._waiting.get(message.subject.rpartition(".")[2])
        if queue is not None:
            queue.put_nowait(message)


async def _collect(queue: "asyncio.Queue[Msg]", *, single: bool) -> list[StoredMessage]:
    found: list[StoredMessage] = []
    while True:
        message = await queue.get()
        headers = message.headers or {}
        status = headers.get(STATUS)
        if status in (END_OF_BATCH, NOTHING_FOUND):
            return found
        if status == TOO_MANY:
            raise TooManyResultsError
        if status is not None:
            raise NatsError(f"direct get: {status} {headers.get('Description', '')}")
        found.append(stored_message(headers["Nats-Subject"], int(headers["Nats-Sequence"]), message))
        if single:
            return found


def stored_message(subject: str, seq: int, message: Msg) -> StoredMessage:
    """Return ``message``, which the stream holds under ``subject`` at sequence ``seq``, as a :class:`StoredMessage`."""
    headers = message.headers or {}
    return StoredMessage(
        subject=subject,
        seq=seq,
        data=message.data,
        event_id=headers.get(EVENT_HEADER, ""),
        topic=headers.get(TOPIC_HEADER, ""),
    )
