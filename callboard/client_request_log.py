"""What a client may do with the request log: add a line, and read the newest ones."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, TypedDict, Unpack

from callboard.events import request_line, subjects
from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError
from callboard.outgoing import encode
from callboard.request_history import LoggedRequest, follow, newest
from callboard.requester import Requester


class RequestFields(TypedDict, total=False):
    """What may go with a line; None is the same as absent."""

    user_id: str | None
    method: str | None
    request: Any
    action: str | None
    tool: str | None
    success: bool | None
    intent: str | None
    entities: dict[str, Any] | None
    at: datetime | None


class RequestLogCommands:
    """The request log, for applications without the middleware, and for readers."""

    _connection: Connection
    _requester: Requester

    async def log_request(self, endpoint: str, status: int, response_ms: float, **fields: Unpack[RequestFields]) -> int:
        """Add a line about a request to ``endpoint`` that was answered with ``status`` after ``response_ms``.

        Returns its sequence in the stream of requests once it is stored. After a NoAnswerError it may be stored.

        Raises:
            InvalidValueError: a field is unknown or its value is not what it takes; ``field`` names it.
            NotRunningError: callboard has never run on this server, so that there is no stream to keep it in.
            NoAnswerError, ServerNotFoundError: no answer in time; the connection is down.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        line = {"user_id": None, "endpoint": endpoint, "status": status, "response_ms": response_ms, **given}
        body = encode(line, "the line")
        request_line.parse(body)
        return await self._requester.publish(subjects.REQUEST, body, {})

    async def requests(self, *, user_id: str | None = None, limit: int = 50) -> list[LoggedRequest]:
        """Return up to ``limit`` lines of the request log, of one user if that is said, newest first.

        Lines that are none are left out. Looks back over the whole log when it finds no more.

        Raises:
            InvalidValueError: ``limit`` is not above 0.
            NotRunningError: the server has no request log: callboard has never run there.
            ServerNotFoundError: the server does not answer.
        """
        if limit < 1:
            raise InvalidValueError(f"expected limit to be a whole number above 0, got {limit}", field="limit")
        return await newest(self._connection, self._requester.url, user_id, limit)

    def follow_requests(
        self, *, user_id: str | None = None, since_seq: int | None = None
    ) -> AsyncIterator[LoggedRequest]:
        """Return an async iterator over lines as they are stored, of one user if that is said, oldest first.

        It begins at ``since_seq`` (None: behind the newest line there is when it is first asked), and never ends.
        Raises, once iterated, what :meth:`requests` raises.
        """
        return follow(self._connection, self._requester.url, user_id, since_seq)
