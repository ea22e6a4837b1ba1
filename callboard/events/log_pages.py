"""Reading stored messages of one kind, from a sequence to the end as it is then, a page at a time."""

from typing import Final, Self

import msgspec
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from callboard.events.answers import Answer
from callboard.events.connection import Connection
from callboard.events.consumers import ephemeral
from callboard.events.errors import LogUnavailableError
from callboard.events.message import Message
from callboard.events.reader import StoredMessage, stored_message
from callboard.events.ticket import sequence_of

PAGE: Final = 500
_ANSWER_SECONDS: Final = 10.0
_ENDS: Final = frozenset({"404", "408"})
_REQUEST: Final = msgspec.json.encode({"batch": PAGE, "no_wait": True})


class LogPages:
    """What a stream holds under one subject. Coroutines; to be used on the loop of the connection."""

    def __init__(self, connection: Connection, subject: str) -> None:
        """``subject`` is where pages are asked for; use :meth:`open`."""
        self._connection = connection
        self._subject = subject
        self._inbox = connection.new_inbox()
        self._arrived = Answer()
        self._subscription: Subscription | None = None

    @classmethod
    async def open(
        cls, connection: Connection, stream: str, subject: str | list[str], first: int, *, headers_only: bool = False
    ) -> Self:
        """Begin to read ``subject``, or several, of ``stream`` at sequence ``first``; close it in the end.

        With ``headers_only`` the messages come without their bodies.

        Raises:
            LogRefusedError, LogUnavailableError: the server would not, or did not answer.
        """
        consumer = await ephemeral(connection, stream, subject, first, headers_only=headers_only)
        pages = cls(connection, f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}")
        try:
            pages._subscription = await connection.tap(pages._inbox, pages._arrived.put)
        except NatsError as error:
            raise LogUnavailableError(f"cannot read {subject}: {error!r}") from error
        return pages

    async def next(self) -> list[StoredMessage]:
        """Return the next messages, at most ``PAGE``; none at the end. A minute after the page before it is too late.

        Raises:
            LogUnavailableError: the server did not answer, or no longer knows where we were: begin again.
        """
        return [stored_message(each.subject, sequence_of(each.reply), each) for each in await self.next_messages()]

    async def next_messages(self) -> list[Message]:
        """Return the next messages as they were delivered: their headers, which cost the most to read, are not read.

        Raises:
            LogUnavailableError: as :meth:`next`.
        """
        found: list[Message] = []
        try:
            await self._connection.publish(self._subject, _REQUEST, reply=self._inbox)
            while len(found) < PAGE:
                message = await self._arrived.next(_ANSWER_SECONDS)
                status = "" if message.reply else message.status
                if status in _ENDS:
                    break
                if status:
                    raise LogUnavailableError(f"{self._subject} was answered with status {status}")
                found.append(message)
        except (NatsError, TimeoutError) as error:
            raise LogUnavailableError(f"no answer to {self._subject}: {error!r}") from error
        return found

    async def close(self) -> None:
        """Ask for no more."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await self._connection.leave(subscription)
