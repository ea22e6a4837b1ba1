"""Requests with an answer of several messages: one inbox of a connection, and a queue for each that waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nats.errors import TimeoutError as NatsTimeoutError

from callboard.events.message import Message

if TYPE_CHECKING:
    from callboard.events.connection import Connection


class AnswerLostError(NatsTimeoutError):
    """The connection broke before the answer came; what was asked for may have been done."""

    def __str__(self) -> str:
        return "the connection broke before the answer came"


class Answer:
    """The messages of one answer as they come."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[Message | None] = asyncio.Queue()

    def put(self, message: Message | None) -> None:
        """Add what came; None when nothing more will come."""
        self._arrived.put_nowait(message)

    async def next(self, timeout: float) -> Message:
        """Return the next message.

        Raises:
            TimeoutError: there was none for ``timeout`` seconds.
            AnswerLostError: the connection broke.
        """
        arrived = self._arrived
        message = arrived.get_nowait() if arrived.qsize() else await asyncio.wait_for(arrived.get(), timeout)
        if message is None:
            raise AnswerLostError
        return message


class Answers:
    """The answers that are waited for on one connection."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._inbox = ""
        self._waiting: dict[str, Answer] = {}
        self._count = 0

    @property
    def waiting(self) -> int:
        """How many requests wait for more of their answers."""
        return len(self._waiting)

    @asynccontextmanager
    async def ask(self, subject: str, body: bytes) -> AsyncIterator[Answer]:
        """Send ``body`` to ``subject`` and yield its answer, which is listened to until the end of the block.

        Raises:
            nats.errors.Error: nothing was sent: not connected, or closed.
        """
        async with self.expect() as (reply, answer):
            await self._connection.publish(subject, body, reply=reply)
            yield answer

    @asynccontextmanager
    async def expect(self) -> AsyncIterator[tuple[str, Answer]]:
        """Yield a reply subject, and all that is answered to it until the end of the block.

        Raises:
            nats.errors.Error: not connected, or closed.
        """
        if not self._inbox:
            inbox = self._connection.new_inbox()
            await self._connection.tap(f"{inbox}.*", self._receive)
            self._inbox = inbox
        self._count += 1
        token = str(self._count)
        answer = self._waiting[token] = Answer()
        try:
            yield f"{self._inbox}.{token}", answer
        finally:
            del self._waiting[token]

    def lose(self) -> None:
        """Tell everybody who waits that the connection broke."""
        for answer in self._waiting.values():
            answer.put(None)

    def _receive(self, message: Message) -> None:
        answer = self._waiting.get(message.subject.rpartition(".")[2])
        if answer is not None:
            answer.put(message)
