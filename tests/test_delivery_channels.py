"""Channels that do what no channel should: the delivery is recorded, and others are made."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from callboard.actors.channels.channel import DeliveryMessage
from tests.support.fresh_server import wire_to_server
from tests.support.nats_server import NatsServer
from tests.support.stage import Stage, stage
from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, names

ENDED = ["submitted", "routed", "assigned", "started", "completed"]
LARGE = "x" * 5_000_000
ATTEMPTS = 2
wire = pytest_asyncio.fixture(wire_to_server)


class OddChannel:
    """A channel whose name is all there is to its targets, and that never waits for anybody."""

    name = "odd"

    def check(self, spec: dict[str, Any]) -> None:
        """Take anything."""

    def lane(self, _spec: dict[str, Any]) -> None:
        """Nobody is waited for."""

    async def send(self, _spec: dict[str, Any], _message: DeliveryMessage) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing is open."""


class Bulky(OddChannel):
    """Its receipt is larger than any message may be."""

    name = "bulky"

    async def send(self, _spec: dict[str, Any], _message: DeliveryMessage) -> Any:
        return LARGE


class Faulty(OddChannel):
    """It raises what no channel may raise."""

    name = "faulty"

    async def send(self, _spec: dict[str, Any], _message: DeliveryMessage) -> Any:
        raise ZeroDivisionError("a defect")


class Lost(OddChannel):
    """It cannot even say whom it waits for."""

    name = "lost"

    def lane(self, _spec: dict[str, Any]) -> None:
        raise ZeroDivisionError("no way")

    async def send(self, _spec: dict[str, Any], _message: DeliveryMessage) -> Any:
        return {"found": True}


@pytest_asyncio.fixture
async def running(tmp_path: Path, fresh_nats_server: NatsServer) -> AsyncIterator[Stage]:
    settings = {"delivery_max_attempts": ATTEMPTS, "delivery_base_seconds": 0, "delivery_cap_seconds": 0}
    with stage(tmp_path, fresh_nats_server, channels=[Bulky(), Faulty(), Lost()], **settings) as running:
        yield running


async def run(wire: Wire, running: Stage, channel: str) -> list[WireEvent]:
    """Run a task with one target and return its events once its delivery is over."""
    live = await wire.follow("a")
    await wire.publish("callboard.submit.noter", running.submission("a") | {"delivery": [{"channel": channel}]})
    return await live.until_delivered()


async def test_a_receipt_that_is_too_large_is_dropped_and_the_delivery_stands(wire: Wire, running: Stage) -> None:
    events = await run(wire, running, "bulky")

    assert names(events) == [*ENDED, "delivered"]
    assert events[-1].fields == {"channel": "bulky", "attempt": 1, "index": 0}
    (line,) = running.lines.named("delivery.receipt_dropped")
    assert (line["task_id"], line["index"], line["level"]) == ("a", 0, "warning")


async def test_a_channel_with_a_defect_is_logged_and_counts_as_a_failed_attempt(wire: Wire, running: Stage) -> None:
    events = await run(wire, running, "faulty")

    assert names(events) == [*ENDED, *["delivery_failed"] * ATTEMPTS]
    error = events[-1].fields["error"]
    assert (error["type"], error["message"]) == ("DeliveryError", "ZeroDivisionError: a defect")
    lines = running.lines.named("delivery.channel_failed")
    assert [(line["task_id"], line["channel"], line["level"]) for line in lines] == [
        ("a", "faulty", "error")
    ] * ATTEMPTS
    assert running.lines.named("actor.crashed") == []


async def test_a_channel_that_cannot_say_whom_it_waits_for_waits_for_nobody(wire: Wire, running: Stage) -> None:
    events = await run(wire, running, "lost")

    assert names(events) == [*ENDED, "delivered"]
    (line,) = running.lines.named("delivery.channel_failed")
    assert line["channel"] == "lost"
    assert running.lines.named("actor.crashed") == []
