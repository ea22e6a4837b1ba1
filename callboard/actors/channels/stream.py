"""The channel ``stream``: the result is published on a NATS subject of the submitter's choice."""

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol

import nats.errors
from msgspec import Struct
from nats.aio.client import Client
from nats.js import JetStreamContext

from callboard.actors.channels.channel import DeliveryError, DeliveryMessage, Lane, SpecError, read
from callboard.events.errors import shorten
from callboard.events.submission import DeliverySpec

MAX_SUBJECT_LENGTH = 256
TIMEOUT_SECONDS = 5.0
PER_SUBJECT = 100
ABANDONED_SECONDS = 600
"""By then the client has found a server that does not answer stale, and the answer cannot come any more."""


class Publish(Protocol):
    """Puts a message on a subject."""

    def __call__(
        self, subject: str, body: bytes, headers: dict[str, str], /, *, jetstream: bool
    ) -> Awaitable[dict[str, Any]]:
        """Return the receipt once the server has the message, with ``jetstream`` once a stream has stored it."""


class StreamSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """``{"channel": "stream", "subject": …, "jetstream"?: false}``."""

    channel: str
    subject: str
    jetstream: bool = False


class StreamChannel:
    """Publishes results through ``publish``, with the key as ``Nats-Msg-Id``: a stream drops repeats by it."""

    name = "stream"

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    def check(self, spec: DeliverySpec) -> None:
        """Check the fields and the subject.

        Raises:
            SpecError: names the field and what it takes.
        """
        check_subject(read(spec, StreamSpec).subject)

    def lane(self, spec: DeliverySpec) -> Lane | None:
        """Return the lane of the subject when a stream is to answer; without one, only the server itself does."""
        return Lane(f"stream:{spec.get('subject')}", PER_SUBJECT) if spec.get("jetstream") else None

    async def send(self, spec: DeliverySpec, message: DeliveryMessage) -> Any:
        """Publish the body; the receipt is ``{"stream", "seq"}`` with JetStream, else ``{"subject"}``.

        Raises:
            DeliveryError: the server did not take it, or did not say so in time.
        """
        try:
            fields = read(spec, StreamSpec)
            check_subject(fields.subject)
        except SpecError as error:
            raise DeliveryError(str(error), retryable=False) from error
        headers = {"Nats-Msg-Id": message.key, "Content-Type": "application/json"}
        try:
            return await self._publish(fields.subject, message.body, headers, jetstream=fields.jetstream)
        except (nats.errors.MaxPayloadError, nats.errors.BadSubjectError) as error:
            raise _failed(fields.subject, error, retryable=False) from error
        except (nats.errors.Error, OSError) as error:
            raise _failed(fields.subject, error, retryable=True) from error

    async def close(self) -> None:
        """The connection belongs to whoever gave ``publish``."""


def publisher(connection: Client, timeout_seconds: float = TIMEOUT_SECONDS) -> Publish:
    """Return a ``publish`` over ``connection``, to be called in that connection's event loop.

    The server has ``timeout_seconds`` to answer.
    """
    context = connection.jetstream(timeout=timeout_seconds)
    under_way: set[asyncio.Future[None]] = set()

    def forget(flush: asyncio.Future[None]) -> None:
        under_way.discard(flush)
        if not flush.cancelled():
            flush.exception()

    async def publish(subject: str, body: bytes, headers: dict[str, str], *, jetstream: bool) -> dict[str, Any]:
        if jetstream:
            return await _store(context, subject, body, headers)
        await connection.publish(subject, body, headers=headers)
        flush = asyncio.ensure_future(connection.flush(timeout=ABANDONED_SECONDS))
        under_way.add(flush)
        flush.add_done_callback(forget)
        await _answered(flush, timeout_seconds)
        return {"subject": subject}

    return publish


async def _answered(flush: asyncio.Future[None], timeout_seconds: float) -> None:
    """Wait for a flush without ever cancelling it: nats-py stops reading when it is answered afterwards."""
    done, _ = await asyncio.wait({flush}, timeout=timeout_seconds)
    if not done:
        raise nats.errors.FlushTimeoutError
    flush.result()


async def _store(context: JetStreamContext, subject: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    try:
        ack = await context.publish(subject, body, headers=headers)
    except (ValueError, TypeError, KeyError) as error:
        answered = f"expected {subject} to belong to a stream, but something else answered"
        raise DeliveryError(answered, retryable=False) from error
    return {"stream": ack.stream, "seq": ack.seq}


def check_subject(subject: str) -> None:
    """Raise SpecError unless results may be published on ``subject``.

    One subject, no wildcards, and outside of what callboard and the server use themselves: a result must not be able to
    pass for a command, an event, a reply or a system message.
    """
    tokens = subject.split(".")
    if len(subject) > MAX_SUBJECT_LENGTH or not all(_is_token(token) for token in tokens):
        problem = f"expected one subject of at most {MAX_SUBJECT_LENGTH} characters without wildcards or spaces"
        raise SpecError("subject", f"{problem}, got {shorten(subject)}")
    if tokens[0] == "callboard" or tokens[0][0] in "$_":
        problem = "expected a subject outside of callboard.>, $… and _… (_INBOX among them)"
        raise SpecError("subject", f"{problem}, got {shorten(subject)}")


def _is_token(token: str) -> bool:
    return bool(token) and token.isprintable() and not any(char.isspace() or char in "*>" for char in token)


def _failed(subject: str, error: Exception, *, retryable: bool) -> DeliveryError:
    return DeliveryError(f"could not publish on {subject}: {type(error).__name__}: {error}", retryable=retryable)
