"""Deliveries that fail: tried again, given up in the end, and never begun anew after a crash."""

from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.support.fresh_server import wire_to_server
from tests.support.nats_server import NatsServer
from tests.support.receiver import Receiver, answering
from tests.support.stage import Stage, stage
from tests.support.wire import Wire
from tests.support.wire_event import WireEvent

ATTEMPTS = 3
TRYING: dict[str, Any] = {"allow_private_addresses": True, "delivery_max_attempts": ATTEMPTS}
wire = pytest_asyncio.fixture(wire_to_server)


def hook(receiver: Receiver) -> dict[str, str]:
    return {"channel": "webhook", "url": receiver.url}


def attempts(events: list[WireEvent], index: int) -> list[tuple[str, int, bool | None]]:
    """Return name, number and finality of each attempt at one target."""
    ours = [event for event in events if event.fields.get("index") == index]
    return [(event.name, event.fields["attempt"], event.fields.get("final")) for event in ours]


async def test_a_target_that_never_works_is_given_up_and_the_other_one_is_served(
    tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire
) -> None:
    settings = {**TRYING, "delivery_base_seconds": 0, "delivery_cap_seconds": 0}
    async with Receiver(answering(500)) as broken, Receiver(answering(204)) as sound:
        with stage(tmp_path, fresh_nats_server, **settings) as running:
            live = await wire.follow("a")
            await wire.publish("callboard.submit.noter", _asking(running, broken, sound))

            events = await live.until_delivered(2)

            assert attempts(events, 0) == [("delivery_failed", number, number == ATTEMPTS) for number in (1, 2, 3)]
            assert attempts(events, 1) == [("delivered", 1, None)]
            assert {request.headers["webhook-id"] for request in broken.requests} == {"a-0"}
            answer = await wire.ask("query.task", {"id": "a", "min_seq": events[-1].seq})
            assert [(each["status"], each["attempts"]) for each in answer.ok["deliveries"]] == [
                ("failed", ATTEMPTS),
                ("delivered", 1),
            ]


async def test_after_a_crash_it_goes_on_where_the_log_is(
    tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire
) -> None:
    settings = {**TRYING, "delivery_base_seconds": 0.2, "delivery_cap_seconds": 0.2}
    async with Receiver(answering(500)) as broken:
        with stage(tmp_path, fresh_nats_server, **settings) as running:
            live = await wire.follow("a")
            await wire.publish("callboard.submit.noter", _asking(running, broken))
            for number in range(1, ATTEMPTS):
                await live.until_all("delivery_failed", number)
                await running.crash("delivery")

            events = await live.until_delivered()

            assert attempts(events, 0) == [("delivery_failed", number, number == ATTEMPTS) for number in (1, 2, 3)]


def _asking(running: Stage, *receivers: Receiver) -> dict[str, Any]:
    return running.submission("a") | {"delivery": [hook(receiver) for receiver in receivers]}
