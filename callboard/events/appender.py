"""Appending events to a stream: all of one save or none, each version once, and never a guessed outcome.

Every message states that no message exists yet under ``<aggregate>.<version>.>``; several go as one atomic batch
(ADR-50), a single one as a plain publish, which costs the server a fraction of a batch of one. Each carries an id of
its own, so that after a lost answer the log itself says whose event stands there.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from nats.errors import ConnectionClosedError, NoRespondersError
from nats.errors import Error as NatsError
from nats.nuid import NUID

from callboard.events.connection import Connection
from callboard.events.errors import (
    BatchTooLargeError,
    EventTooLargeError,
    LogRefusedError,
    LogUnavailableError,
    VersionConflictError,
)
from callboard.events.headers import publish_frame
from callboard.events.reader import ANSWER_SECONDS, EVENT_HEADER, TOPIC_HEADER, Reader, StoredMessage

MAX_BATCH: Final = 1_000
"""Messages in one atomic batch (server error 10199 beyond that)."""

_CONFLICTS: Final = frozenset({10071, 10164, 10201})
_TRY_AGAIN: Final = frozenset({10008, 10158, 10167, 10176, 10210, 10211})
"""No leader just now, same subject in process, queue full, batch incomplete, too many batches: the same may succeed
next, and nothing was stored."""

_NO_STREAM: Final = 503
_DENIED: Final = 403
_PAUSE_SECONDS: Final = 0.02
_BYTES_PER_SECOND: Final = 8 * 1024 * 1024
"""A slow link and disk; how much longer a large save is waited for."""

_HEADER_ROOM: Final = 512
"""More than the headers of an event take, the subject and topic they name apart."""


class Record(Struct, frozen=True):
    """One event to be stored: its ``subject``, the filter ``guard`` that must be empty before, its body and topic.

    ``topic`` is stored as a header when it is not empty; it must be one line.
    """

    subject: str
    guard: str
    data: bytes
    topic: str = ""


class _Ack(Struct):
    seq: int = 0
    error: dict[str, Any] | None = None


_ack = msgspec.json.Decoder(_Ack)


class _Attempt(Struct):
    """An append on its way; ``unsure`` once an answer was lost, so that its events may be stored already."""

    records: Sequence[Record]
    append_id: str
    until: float
    unsure: bool = False

    @property
    def name(self) -> str:
        """What an error message calls it."""
        more = len(self.records) - 1
        return f"{self.records[0].subject} and {more} more" if more else self.records[0].subject


class Appender:
    """Writes records to one stream. Coroutines; to be used on the loop of the connection."""

    def __init__(self, connection: Connection, reader: Reader, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        """After ``answer_seconds`` without an answer, ``reader`` finds out what became of an append."""
        self._connection = connection
        self._reader = reader
        self._answer_seconds = answer_seconds
        self._nuid = NUID()

    async def append(self, records: Sequence[Record], deadline: float = 60.0) -> int:
        """Store ``records``, all or none, and return the stream sequence of the last; they stand one after another.

        No two of them may have the same guard: the server does not see that.

        Raises:
            VersionConflictError: another writer's event stands under one of the guards; nothing was stored.
            BatchTooLargeError, EventTooLargeError: more than the server takes; nothing was sent.
            LogRefusedError: the server said no for another reason; nothing was stored.
            LogUnavailableError: no answer within ``deadline`` seconds; whether they are stored is not known.
        """
        self._check(records)
        loop = asyncio.get_running_loop()
        attempt = _Attempt(records, self._nuid.next().decode(), loop.time() + deadline)
        while True:
            seq = await self._try(attempt)
            if seq is not None:
                return seq
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _try(self, attempt: _Attempt) -> int | None:
        """Send once and return the last sequence, None when it has to be sent again; raises as :meth:`append`."""
        remaining = attempt.until - asyncio.get_running_loop().time()
        if remaining <= 0 and attempt.unsure:
            raise LogUnavailableError(f"no answer to an append of {attempt.name}: it may or may not be stored")
        try:
            ack = await self._send(attempt, max(0.1, remaining))
        except NoRespondersError as error:
            if remaining > 0:
                # A server that has just started takes a moment to bring its streams back.
                return None
            raise LogRefusedError(_NO_STREAM, f"no stream takes {attempt.records[0].subject}") from error
        except (NatsError, TimeoutError, OSError, msgspec.MsgspecError) as error:
            return await self._after_silence(attempt, error)
        if ack.error is None:
            return ack.seq
        return await self._after_refusal(attempt, ack.error.get("err_code", 0), ack.error.get("description", ""))

    async def _after_silence(self, attempt: _Attempt, error: Exception) -> int | None:
        subject = attempt.records[-1].subject
        if self._connection.may_not_publish(subject):
            raise LogRefusedError(_DENIED, f"no right to publish to {subject}") from error
        attempt.unsure = True
        if isinstance(error, ConnectionClosedError):
            raise LogUnavailableError(f"connection closed during an append of {attempt.name}") from error
        return await self._read_back(attempt)

    async def _after_refusal(self, attempt: _Attempt, code: int, text: str) -> int | None:
        if attempt.unsure and (seq := await self._read_back(attempt)) is not None:
            return seq
        if code in _CONFLICTS:
            if not attempt.unsure:
                raise VersionConflictError(await self._taken(attempt))
            # Something is there, and the replica that was asked does not know it yet.
            return None
        if code in _TRY_AGAIN and asyncio.get_running_loop().time() < attempt.until:
            return None
        if attempt.unsure:
            raise LogUnavailableError(f"{attempt.name} may or may not be stored: {text} (error {code})")
        raise LogRefusedError(code, text)

    def _check(self, records: Sequence[Record]) -> None:
        if len(records) > MAX_BATCH:
            raise BatchTooLargeError(len(records), MAX_BATCH)
        limit = self._connection.max_payload
        for record in records:
            size = len(record.data) + _HEADER_ROOM + len(record.guard) + len(record.topic.encode())
            if size > limit:
                raise EventTooLargeError(record.subject, size, limit)

    async def _send(self, attempt: _Attempt, remaining: float) -> _Ack:
        records, append_id = attempt.records, attempt.append_id
        last = len(records) - 1
        batch_id = self._nuid.next().decode() if last else ""
        seconds = self._answer_seconds + sum(len(record.data) for record in records) / _BYTES_PER_SECOND
        if last:
            frames = [
                publish_frame(record.subject, "", _headers(record, append_id, number, batch_id), record.data)
                for number, record in enumerate(records[:-1])
            ]
            await self._connection.write(b"".join(frames))
        final = records[-1]
        headers = dict(line.split(": ", 1) for line in _headers(final, append_id, last, batch_id).split("\r\n")[:-1])
        if last:
            headers["Nats-Batch-Commit"] = "1"
        seconds = min(seconds, remaining)
        reply = await self._connection.request(final.subject, final.data, timeout=seconds, headers=headers)
        return _ack.decode(reply.data)

    async def _read_back(self, attempt: _Attempt) -> int | None:
        """Return the last sequence when the events are there and ours, None when nothing is there.

        Raises:
            VersionConflictError: another writer's event is there.
            LogUnavailableError: the server did not say in time.
        """
        found = await self._stored(attempt)
        ours = [message for message in found if message.event_id.startswith(f"{attempt.append_id}.")]
        if len(ours) < len(found):
            raise VersionConflictError(next(message.subject for message in found if message not in ours))
        # A batch is stored whole or not at all; less than all of it means that the server is not done with it.
        return ours[-1].seq if len(ours) == len(attempt.records) else None

    async def _taken(self, attempt: _Attempt) -> str:
        """Return the subject of the event that is in the way, or the guard that found it."""
        found: list[StoredMessage] = []
        if len(attempt.records) > 1:
            with contextlib.suppress(LogUnavailableError):
                found = await self._stored(attempt)
        return found[0].subject if found else attempt.records[0].guard

    async def _stored(self, attempt: _Attempt) -> list[StoredMessage]:
        """Return what stands under the guards of ``attempt``, in stream order."""
        remaining = attempt.until - asyncio.get_running_loop().time()
        try:
            return await self._reader.last([record.guard for record in attempt.records], deadline=max(0.1, remaining))
        except LogUnavailableError as error:
            unknown = f"no answer to an append of {attempt.name}: it may or may not be stored"
            raise LogUnavailableError(unknown) from error


def _headers(record: Record, append_id: str, number: int, batch_id: str) -> str:
    lines = (
        "Nats-Expected-Last-Subject-Sequence: 0\r\n"
        f"Nats-Expected-Last-Subject-Sequence-Subject: {record.guard}\r\n"
        f"{EVENT_HEADER}: {append_id}.{number}\r\n"
    )
    if record.topic:
        lines += f"{TOPIC_HEADER}: {record.topic}\r\n"
    if batch_id:
        lines += f"Nats-Batch-Id: {batch_id}\r\nNats-Batch-Sequence: {number + 1}\r\n"
    return lines
