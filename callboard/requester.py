"""Asking the service and publishing commands over one connection, with every failure as an error of our own."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.js import errors as js_errors
from nats.nuid import NUID

from callboard.errors import (
    ArchivedError,
    BeingBuiltError,
    ConflictError,
    NoAnswerError,
    NotFoundError,
    NotReadyError,
    NotRunningError,
    ServerNotFoundError,
    ServiceError,
)
from callboard.events.connection import Connection
from callboard.events.errors import CallboardError, InvalidValueError, LogRefusedError
from callboard.events.headers import publish_frame

_BAD_REQUEST, _NOT_FOUND, _CONFLICT, _NOT_READY = 400, 404, 409, 503
_BEING_BUILT = "callboard:being_built"
_TOO_LARGE = 10054
_ARCHIVED = "callboard:archived"
_CODE_HEADER = "Nats-Service-Error-Code"
_TEXT_HEADER = "Nats-Service-Error"


class _Problem(Struct):
    """The body of an error: what was wrong, and the dotted name of the field it is about."""

    type: str = ""
    title: str = ""
    detail: str = ""
    field: str | None = None


class Message(Struct, frozen=True):
    """What is to be published; the values of ``headers`` are each one line."""

    subject: str
    data: bytes
    headers: Mapping[str, str] = {}


class Requester:
    """Requests and durable publishes on an open ``connection`` to ``url`` (as it may be shown)."""

    def __init__(self, connection: Connection, url: str, timeout_seconds: float) -> None:
        self._connection = connection
        self.url = url
        self.timeout_seconds = timeout_seconds
        self._nuid = NUID()

    async def ask(self, subject: str, body: Any, timeout_seconds: float | None = None) -> bytes:
        """Send ``body`` as JSON to ``subject`` and return the answer, a JSON document.

        Raises:
            NotRunningError: nobody serves ``subject``.
            NoAnswerError: no answer within ``timeout_seconds``.
            ServerNotFoundError: the connection is down.
            InvalidValueError, NotFoundError, ConflictError, NotReadyError, ServiceError: the service refused.
        """
        seconds = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        try:
            answer = await self._connection.request(subject, data, timeout=seconds)
        except nats_errors.NoRespondersError as error:
            raise NotRunningError(self.url, subject) from error
        except nats_errors.Error as error:
            raise self._failure(error, subject, len(data), seconds) from error
        raise_refusal(answer)
        return answer.data

    async def publish(self, subject: str, data: bytes, headers: Mapping[str, str]) -> int:
        """Publish ``data`` to the stream behind ``subject`` and return the sequence it got once it is stored.

        Raises:
            NotRunningError: no stream takes ``subject``: callboard has never run on this server.
            NoAnswerError: no answer in time; the message may be stored all the same.
            ServerNotFoundError: the connection is down.
            InvalidValueError: the message is larger than the server takes.
            LogRefusedError: the server refused it; nothing was stored.
        """
        seconds = self.timeout_seconds
        try:
            ack = await self._connection.jetstream().publish(subject, data, headers=dict(headers), timeout=seconds)
        except js_errors.NoStreamResponseError as error:
            raise NotRunningError(self.url, subject) from error
        except js_errors.APIError as error:
            if error.err_code == _TOO_LARGE:
                raise InvalidValueError(f"the message of {len(data)} bytes is too large for its stream") from error
            raise LogRefusedError(error.err_code or 0, error.description or "") from error
        except nats_errors.Error as error:
            raise self._failure(error, subject, len(data), seconds) from error
        return ack.seq

    async def publish_batch(self, messages: Sequence[Message]) -> int:
        """Publish ``messages`` to one stream, all or none, and return the sequence that the last one got.

        Raises:
            as :meth:`publish`; after a NoAnswerError they may be stored all the same.
        """
        *others, last = messages
        if not others:
            return await self.publish(last.subject, last.data, last.headers)
        batch_id = self._nuid.next().decode()
        frames = (
            publish_frame(each.subject, "", _lines({**each.headers, **_batched(batch_id, number)}), each.data)
            for number, each in enumerate(others, 1)
        )
        try:
            await self._connection.write(b"".join(frames))
        except nats_errors.Error as error:
            raise self._failure(error, last.subject, 0, self.timeout_seconds) from error
        commit = {**_batched(batch_id, len(messages)), "Nats-Batch-Commit": "1"}
        return await self.publish(last.subject, last.data, {**last.headers, **commit})

    def _failure(self, error: Exception, subject: str, size: int, seconds: float) -> CallboardError:
        if isinstance(error, TimeoutError):
            return NoAnswerError(subject, seconds)
        if isinstance(error, nats_errors.MaxPayloadError):
            limit = self._connection.max_payload
            return InvalidValueError(f"expected a message of at most {limit} bytes, got {size}")
        if isinstance(error, nats_errors.BadSubjectError):
            return InvalidValueError(f"expected a subject that can be published to, got {subject!r}")
        return ServerNotFoundError(self.url, str(error))


def _batched(batch_id: str, number: int) -> dict[str, str]:
    return {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)}


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def raise_refusal(answer: Msg) -> None:
    """Raise what the headers of a service's ``answer`` say went wrong; return when they say nothing.

    Raises:
        InvalidValueError, NotFoundError, ConflictError, NotReadyError, ServiceError: by status.
    """
    headers = answer.headers or {}
    code = headers.get(_CODE_HEADER)
    if code is not None:
        raise refusal(code, headers.get(_TEXT_HEADER, ""), answer.data)


def refusal(code: str, text: str, data: bytes) -> CallboardError:
    """Return the error for an answer with the status ``code``, the error header ``text`` and the body ``data``."""
    problem = _problem(data)
    detail = problem.detail or problem.title or text
    status = int(code) if code.isdecimal() else 0
    if status == _BAD_REQUEST:
        return InvalidValueError(detail, field=problem.field)
    if status == _NOT_READY and problem.type == _BEING_BUILT:
        return BeingBuiltError(detail)
    if status == _NOT_FOUND and problem.type == _ARCHIVED:
        return ArchivedError(detail)
    kinds = {_NOT_FOUND: NotFoundError, _CONFLICT: ConflictError, _NOT_READY: NotReadyError}
    return kinds[status](detail) if status in kinds else ServiceError(status, detail)


def _problem(data: bytes) -> _Problem:
    try:
        return msgspec.json.decode(data, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Problem()
