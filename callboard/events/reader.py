"""Reading stored messages straight from a stream (direct get, ADR-31), without a consumer."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from nats.errors import ConnectionClosedError
from nats.errors import Error as NatsError

from callboard.events.answers import Answer
from callboard.events.connection import Connection
from callboard.events.errors import CallboardError, LogUnavailableError
from callboard.events.headers import DESCRIPTION, value_of
from callboard.events.message import Message
from callboard.events.ticket import sequence_of

EVENT_HEADER: Final = "Callboard-Event"
TOPIC_HEADER: Final = "Callboard-Topic"
MAX_FILTERS: Final = 512
"""Filters in one multi-get; the server answers at most 1,024 subjects and says 413 beyond that."""

ANSWER_SECONDS: Final = 5.0
END_OF_BATCH: Final = "204"
NOTHING_FOUND: Final = "404"
TOO_MANY: Final = "413"
_RETRY_SECONDS: Final = 0.1


class StoredMessage(Struct, frozen=True, kw_only=True):
    """One message as the stream holds it. ``event_id`` and ``topic`` come from headers, empty when there are none.

    ``stored_at`` is when it was stored, RFC 3339 with nanoseconds; empty where a consumer delivered it.
    """

    subject: str
    seq: int
    data: bytes
    event_id: str = ""
    topic: str = ""
    stored_at: str = ""


class TooManyResultsError(CallboardError):
    """The filters match more subjects than the server answers in one multi-get."""

    def __init__(self) -> None:
        super().__init__("the filters match more subjects than the server answers in one multi-get: read in parts")


class _Part(Struct):
    """What one request was answered with; the server cuts an answer short when it grows too large."""

    messages: list[StoredMessage]
    left: int = 0
    up_to: int = 0


class Reader:
    """Direct gets from one stream. Coroutines; to be used on the loop of the connection."""

    def __init__(self, connection: Connection, stream: str, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        """Read from ``stream``; what is not answered whole within ``answer_seconds`` is asked for again."""
        self._connection = connection
        self._stream = stream
        self._subject = f"$JS.API.DIRECT.GET.{stream}"
        self._answer_seconds = answer_seconds

    async def last(self, filters: Sequence[str], deadline: float = 30.0) -> list[StoredMessage]:
        """Return the last message of every subject that matches one of ``filters``, in stream order.

        Raises:
            TooManyResultsError: one single filter matches more subjects than the server answers at once.
            LogUnavailableError: the server did not answer within ``deadline`` seconds.
        """
        until = asyncio.get_running_loop().time() + deadline
        found: list[StoredMessage] = []
        parts = [list(filters[start : start + MAX_FILTERS]) for start in range(0, len(filters), MAX_FILTERS)]
        while parts:
            part = parts.pop(0)
            try:
                found += await self._matching(part, until)
            except TooManyResultsError:
                if len(part) == 1:
                    raise
                half = len(part) // 2
                parts[:0] = [part[:half], part[half:]]
        found.sort(key=lambda message: message.seq)
        return found

    async def page(self, start: int, limit: int, subject: str = ">", deadline: float = 30.0) -> list[StoredMessage]:
        """Return up to ``limit`` messages that match ``subject`` from sequence ``start`` on, in order.

        Fewer than ``limit`` means that there are no more.

        Raises:
            LogUnavailableError: the server did not answer within ``deadline`` seconds.
        """
        until = asyncio.get_running_loop().time() + deadline
        found: list[StoredMessage] = []
        position = max(1, start)
        while len(found) < limit:
            request = {"seq": position, "batch": limit - len(found), "next_by_subj": subject}
            part = await self._answered(request, until)
            found += part.messages
            if not part.messages or not part.left:
                break
            position = part.messages[-1].seq + 1
        return found

    async def latest(self, subject: str = ">", deadline: float = 30.0) -> StoredMessage | None:
        """Return the last message that matches ``subject``, or None.

        Raises:
            LogUnavailableError: the server did not answer within ``deadline`` seconds.
        """
        until = asyncio.get_running_loop().time() + deadline
        part = await self._answered({"last_by_subj": subject}, until, single=True)
        return part.messages[0] if part.messages else None

    async def _matching(self, filters: list[str], until: float) -> list[StoredMessage]:
        request: dict[str, Any] = {"multi_last": filters}
        part = await self._answered(request, until)
        found = part.messages
        while part.left and part.messages:
            # The rest as it stood when the first part was answered, so that all parts are of one moment.
            part = await self._answered(request | {"seq": found[-1].seq + 1, "up_to_seq": part.up_to}, until)
            found += part.messages
        return found

    async def _answered(self, request: dict[str, Any], until: float, *, single: bool = False) -> _Part:
        loop = asyncio.get_running_loop()
        while True:
            # Reading is idempotent: an answer that did not come whole is asked for again.
            try:
                return await self._ask(request, min(self._answer_seconds, max(0.1, until - loop.time())), single=single)
            except (NatsError, TimeoutError, OSError) as error:
                if loop.time() >= until or isinstance(error, ConnectionClosedError):
                    reason = str(error) or type(error).__name__
                    raise LogUnavailableError(f"no answer to a read of stream {self._stream}: {reason}") from error
                await asyncio.sleep(_RETRY_SECONDS)

    async def _ask(self, request: dict[str, Any], timeout: float, *, single: bool) -> _Part:
        async with self._connection.answers.ask(self._subject, msgspec.json.encode(request)) as answer:
            return await _collect(answer, timeout, single=single)


async def _collect(answer: Answer, timeout: float, *, single: bool) -> _Part:
    """Return the messages of one answer; ``timeout`` is how long the server may be silent in between."""
    part = _Part([])
    last = 0
    while True:
        message = await answer.next(timeout)
        headers = message.headers or {}
        # The server's own headers say what is a stored message; its publisher may have written any status line.
        sequence = headers.get("Nats-Sequence")
        status = "" if sequence else message.status
        if status and status != END_OF_BATCH:
            return _nothing(part, status, headers.get(DESCRIPTION, ""))
        if not single and int(headers.get("Nats-Last-Sequence", last)) != last:
            # A connection that broke and came back swallows the middle of an answer, not its end.
            raise NatsError("direct get: messages were lost on the way")
        if sequence is None:
            part.left = int(headers.get("Nats-Num-Pending", 0))
            part.up_to = int(headers.get("Nats-UpTo-Sequence", 0))
            return part
        last = int(sequence)
        part.messages.append(_stored(headers["Nats-Subject"], last, message.data, headers))
        if single:
            return part


def _nothing(part: _Part, status: str, description: str) -> _Part:
    """Return ``part`` when ``status`` says that there is nothing more, raise when it says anything else."""
    if status == TOO_MANY:
        raise TooManyResultsError
    if status != NOTHING_FOUND:
        raise NatsError(f"direct get: {status} {description}")
    return part


def stored_message(subject: str, seq: int, message: Message) -> StoredMessage:
    """Return ``message``, which the stream holds under ``subject`` at sequence ``seq``, as a :class:`StoredMessage`."""
    return _stored(subject, seq, message.data, message.headers or {})


def delivered_message(message: Message) -> StoredMessage:
    """Return ``message``, which a consumer delivered, as a :class:`StoredMessage` with its event id and no topic."""
    return StoredMessage(
        subject=message.subject,
        seq=sequence_of(message.reply),
        data=message.data,
        event_id=value_of(message.raw_headers, EVENT_HEADER),
    )


def _stored(subject: str, seq: int, data: bytes, headers: Mapping[str, str]) -> StoredMessage:
    return StoredMessage(
        subject=subject,
        seq=seq,
        data=data,
        event_id=headers.get(EVENT_HEADER, ""),
        topic=headers.get(TOPIC_HEADER, ""),
        stored_at=headers.get("Nats-Time-Stamp", ""),
    )
