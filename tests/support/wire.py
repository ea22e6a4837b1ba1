"""A client that is not ours: a plain nats-py connection and the wire protocol, nothing of callboard."""

import json
import uuid
from typing import Any, NamedTuple, Self

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, PubAck

from tests.support.live_events import LiveEvents
from tests.support.wire_event import PREFIX, WireEvent
from tests.support.wire_reply import WireReply

ANSWER_SECONDS = 20.0
PAGE = 500


class Kept(NamedTuple):
    """A message as a stream keeps it."""

    subject: str
    seq: int
    data: bytes
    headers: dict[str, str]


class Wire:
    """A connection to the server at ``url``; every wait on it has a deadline."""

    def __init__(self, connection: Client) -> None:
        self.connection = connection
        self.js: JetStreamContext = connection.jetstream(timeout=ANSWER_SECONDS)

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect; close it with :meth:`close`."""
        return cls(await nats.connect(url, allow_reconnect=False))

    async def close(self) -> None:
        """Close the connection."""
        await self.connection.close()

    async def publish(self, subject: str, body: Any, headers: dict[str, str] | None = None) -> PubAck:
        """Publish a command, bytes as they are and anything else as JSON, and return the server's PubAck."""
        return await self.js.publish(subject, encoded(body), headers=headers)

    async def ask(self, name: str, body: Any = None, seconds: float = ANSWER_SECONDS) -> WireReply:
        """Ask the service's endpoint ``name`` (``query.task``) and return what it answers."""
        data = b"" if body is None else encoded(body)
        try:
            reply = await self.connection.request(f"callboard.{name}", data, timeout=seconds)
        except NoRespondersError as error:
            raise AssertionError(f"expected callboard.{name} to be served") from error
        headers = dict(reply.headers or {})
        return WireReply(int(headers.get("Nats-Service-Error-Code", "200")), headers, reply.data)

    async def follow(self, task_id: str = "*") -> LiveEvents:
        """Follow the live events of one task, or of all."""
        return await LiveEvents.of(self.connection, f"callboard.live.task.{task_id}.>")

    async def run(self, body: dict[str, Any], agent: str | None = None) -> list[WireEvent]:
        """Submit ``body`` through JetStream under an id of its own and return its events up to the terminal one."""
        body = {"id": new_id(), **body}
        live = await self.follow(body["id"])
        await self.publish("callboard.submit" if agent is None else f"callboard.submit.{agent}", body)
        return await live.until_over()

    async def stored(self, task_id: str) -> list[WireEvent]:
        """Return the events of a task from the stream itself."""
        return [_event(kept) for kept in await self.kept("CALLBOARD_EVENTS", f"{PREFIX}{task_id}.>")]

    async def events(self) -> list[WireEvent]:
        """Return the whole event log from its beginning."""
        return [_event(kept) for kept in await self.kept("CALLBOARD_EVENTS")]

    async def kept(self, stream: str, subject: str = ">") -> list[Kept]:
        """Return everything a stream holds under ``subject``, oldest first."""
        config = ConsumerConfig(filter_subject=subject, ack_policy=AckPolicy.NONE, mem_storage=True)
        info = await self.js.add_consumer(stream, config)
        consumer = await self.js.pull_subscribe_bind(info.name, stream)
        found: list[Kept] = []
        while missing := (info.num_pending or 0) - len(found):
            found += [_kept(each) for each in await consumer.fetch(min(missing, PAGE), timeout=ANSWER_SECONDS)]
        await consumer.unsubscribe()
        await self.js.delete_consumer(stream, info.name)
        return found


def _kept(message: Msg) -> Kept:
    return Kept(message.subject, message.metadata.sequence.stream, message.data, message.headers or {})


def _event(kept: Kept) -> WireEvent:
    return WireEvent(kept.subject, kept.seq, kept.data)


def encoded(body: Any) -> bytes:
    """Return ``body`` as a client would send it."""
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()


def new_id() -> str:
    """Return an id that no task has."""
    return uuid.uuid4().hex
