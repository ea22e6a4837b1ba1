"""A log planted event by event, past all decisions, on a server of its own; and what a check finds in it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import msgspec
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from callboard.checking.check import Report, check
from callboard.config import Config
from callboard.events import link, subjects
from callboard.events.task_events import Submitted
from tests.support.log_stretch import Event, subject_of
from tests.support.nats_server import NatsServer
from tests.support.streams import made_anew, make_streams
from tests.support.wire import ANSWER_SECONDS, Wire


class Planted:
    """The streams of callboard, made anew and empty, and raw messages in them."""

    def __init__(self, wire: Wire, url: str, directory: Path) -> None:
        self.wire, self.url, self.directory = wire, url, directory
        self._count = 0

    async def clear(self) -> None:
        """Throw the streams away and make them again."""
        for stream in subjects.STREAMS:
            try:
                await self.wire.js.delete_stream(stream)
            except NotFoundError:
                continue
        await made_anew(lambda: make_streams(self.wire.connection))

    async def clear_events(self) -> None:
        """Have an empty log of events whose messages may be deleted, unlike those of callboard's own."""
        js = self.wire.js
        await js.delete_stream(subjects.EVENTS)
        filters = [f"{subjects.EVENT_PREFIX}.>"]
        await made_anew(lambda: js.add_stream(name=subjects.EVENTS, subjects=filters, allow_direct=True))

    async def raw(self, subject: str, body: Any, event_id: str | None = None) -> int:
        """Store one message and return its sequence; each has an event id of its own."""
        self._count += 1
        headers = {"Callboard-Event": f"append{self._count}.0" if event_id is None else event_id}
        return (await self.wire.publish(subject, body, headers)).seq

    async def announce(self, *agents: str) -> None:
        """Store that somebody serves ``agents``."""
        for name in agents:
            body = {"id": name, "version": 1, "at": "2026-03-01T09:00:00Z"}
            await self.raw(f"{subjects.AGENT_PREFIX}.{name}.1.announced", body)

    async def tell(self, events: Iterable[Event]) -> int:
        """Store ``events`` one after the other, subtasks with their links, and return the last sequence."""
        seq = 0
        for event in events:
            record = link.linked(event) if isinstance(event, Submitted) else None
            if record is not None:
                await self.raw(record.subject, record.state)
            seq = await self.raw(subject_of(event), msgspec.json.encode(event))
        return seq

    async def dealt_with(self, durable: str, subject: str) -> None:
        """Have a durable consumer whose messages are all acknowledged."""
        js = self.wire.js
        config = ConsumerConfig(durable_name=durable, filter_subject=subject, ack_policy=AckPolicy.EXPLICIT)
        info = await js.add_consumer(subjects.EVENTS, config)
        consumer = await js.pull_subscribe_bind(durable, subjects.EVENTS)
        for message in await consumer.fetch(info.num_pending or 0, timeout=ANSWER_SECONDS) if info.num_pending else []:
            await message.ack_sync(timeout=ANSWER_SECONDS)

    async def check(self, *, views: bool = False) -> Report:
        """Check it all."""
        config = Config.build(directory=self.directory, nats_url=self.url)
        return await asyncio.to_thread(check, config, views=views)

    async def found(self, *, views: bool = False) -> dict[str, int]:
        """Return how often each name is violated."""
        return (await self.check(views=views)).counts


async def planted_log(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Planted]:
    """Nothing in any stream at first but that somebody serves billing; a module makes a fixture of it."""
    wire = await Wire.open(nats_server.url)
    made = Planted(wire, nats_server.url, tmp_path)
    await made.clear()
    await made.announce("billing")
    yield made
    await wire.close()
