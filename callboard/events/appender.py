"""Appending events to a stream: all of one save or none, each version once, and never a guessed outcome.

Every message states that no message exists yet under ``<aggregate>.<version>.>``; several go as one atomic batch
(ADR-50), a single one as a plain publish, which costs the server a tenth of a batch of one. Each carries an id of its
own, so that after a lost answer the log itself says whose event stands there.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
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
from callboard.events.reader import EVENT_HEADER, TOPIC_HEADER, Reader

MAX_BATCH: Final = 1_000
"""Messages in one atomic batch (server error 10199 beyond that)."""

_CONFLICTS: Final = frozenset({10071, 10164, 10201})
_TRY_AGAIN: Final = frozenset({10158, 10176, 10210, 10211})
"""In process, incomplete batch, too many batches in flight: nothing was stored, and the same may succeed next."""

_ANSWER_SECONDS: Final = 5.0


class Record(Struct, frozen=True):
    """One event to be stored: its ``subject``, the filter ``guard`` that must be empty before, its body and topic.

    ``topic`` is stored as a header when it is not empty.
    """

    subject: str
    guard: str
    data: bytes
    topic: str = ""


class _Ack(Struct):
    seq: int = 0
    error: dict[str, Any] | None = None


_ack = msgspec.json.Decoder(_Ack)


class Appender:
    """Writes records to one stream. Coroutines; to be used on the loop of the connection."""

    def __init__(self, connection: Connection, reader: Reader) -> None:
        self._connection = connection
        self._reader = reader
        self._nuid = NUID()

    async def append(self, records: Sequence[Record], deadline: float = 60.0) -> int:
        """Store ``records``, all or none, and return the stream sequence of the last; they stand one after another.

        Raises:
            VersionConflictError: another writer's event stands under one of the guards; nothing was stored.
            BatchTooLargeError, EventTooLargeError: more than the server takes; nothing was sent.
            LogRefusedError: the server said no for another reason; nothing was stored.
            LogUnavailableError: no answer within ``deadline`` seconds; whether they are stored is not known.
        """
        self._check(records)
        append_id = self._nuid.next().decode()
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline
        unsure = False
        while True:
            try:
                ack = await self._send(records, append_id)
            except (NatsError, TimeoutError, OSError):
                unsure = True
                if (seq := await self._read_back(records, append_id, until)) is not None:
                    return seq
                continue
            if ack.error is None:
                return ack.seq
            code, text = ack.error.get("err_code", 0), ack.error.get("description", "")
            if code in _CONFLICTS:
                if unsure and (seq := await self._read_back(records, append_id, until)) is not None:
                    return seq
                raise VersionConflictError(records[0].guard)
            if code not in _TRY_AGAIN or loop.time() > until:
                raise LogRefusedError(code, text)
            await asyncio.sleep(0.02)

    def _check(self, records: Sequence[Record]) -> None:
        if len(records) > MAX_BATCH:
            raise BatchTooLargeError(len(records), MAX_BATCH)
        limit = self._connection.max_payload
        for record in records:
            # The headers we add stay below 512 bytes plus the subject and topic they name.
            size = len(record.data) + 512 + len(record.subject) + len(record.topic)
            if size > limit:
                raise EventTooLargeError(record.subject, size, limit)

    async def _send(self, records: Sequence[Record], append_id: str) -> _Ack:
        last = len(records) - 1
        batch_id = self._nuid.next().decode() if last else ""
        if last:
            frames = [
                publish_frame(record.subject, "", _headers(record, append_id, number, batch_id), record.data)
                for number, record in enumerate(records[:-1])
            ]
            await self._connection.write(b"".join(frames))
        final = records[-1]
        headers = dict(
            line.split(": ", 1) for line in _headers(final, append_id, last, batch_id).split("\r\n")[:-1]
        )
        if last:
            headers["Nats-Batch-Commit"] = "1"
        reply = await self._connection.request(final.subject, final.data, timeout=_ANSWER_SECONDS, headers=headers)
        return _ack.decode(reply.data)

    async def _read_back(self, records: Sequence[Record], append_id: str, until: float) -> int | None:
        """Return the last sequence when the events are there and ours, None when nothing is there.

        Raises:
            VersionConflictError: another writer's event is there.
            LogUnavailableError: the server did not say before ``until`` (loop time).
        """
        remaining = until - asyncio.get_running_loop().time()
        if remaining <= 0:
            raise LogUnavailableError(f"no answer to an append of {records[0].subject}: it may or may not be stored")
        # The batch is stored whole or not at all, so its first event speaks for all of them.
        found = await self._reader.last([records[0].guard], deadline=remaining)
        if not found:
            return None
        if found[0].event_id == f"{append_id}.0":
            return found[0].seq + len(records) - 1
        raise VersionConflictError(records[0].guard)


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
