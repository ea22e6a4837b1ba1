"""Deliveries between two attempts: they wait at the server, and what was tried is in the log."""

from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest_asyncio

from callboard.events.connection import Connection
from callboard.events.takeover import take_over
from tests.support.consumer import handed_out, until_handed_out
from tests.support.fresh_server import wire_to_server
from tests.support.nats_server import NatsServer
from tests.support.receiver import Receiver, answering
from tests.support.stage import Stage, stage
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, last

EVENTS, COMPLETED = "CALLBOARD_EVENTS", "delivery-completed"
RETRY_AFTER = 20
PRIVATE: dict[str, Any] = {"allow_private_addresses": True}
wire = pytest_asyncio.fixture(wire_to_server)


@pytest_asyncio.fixture
async def connection(fresh_nats_server: NatsServer) -> AsyncIterator[Connection]:
    connection = Connection()
    await connection.open(fresh_nats_server.url)
    yield connection
    await connection.close()


def hook(receiver: Receiver) -> dict[str, str]:
    return {"channel": "webhook", "url": receiver.url}


async def submit(wire: Wire, running: Stage, task_id: str, *receivers: Receiver) -> None:
    body = running.submission(task_id) | {"delivery": [hook(receiver) for receiver in receivers]}
    await wire.publish("callboard.submit.noter", body)


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def failed(events: list[WireEvent]) -> list[WireEvent]:
    return [event for event in events if event.name == "delivery_failed"]


async def test_an_attempt_is_made_when_the_one_before_said(
    tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire
) -> None:
    settings = {**PRIVATE, "delivery_max_attempts": 4, "delivery_base_seconds": 0.2, "delivery_cap_seconds": 0.8}
    async with Receiver(answering(500)) as broken:
        with stage(tmp_path, fresh_nats_server, **settings) as running:
            live = await wire.follow("a")
            await submit(wire, running, "a", broken)

            failures = failed(await live.until_delivered())

    assert [event.fields["attempt"] for event in failures] == [1, 2, 3, 4]
    for attempt, (before, after) in enumerate(pairwise(failures)):
        next_at = before.fields["next_at"]
        assert 0 <= seconds_between(before.body["at"], next_at) <= 0.2 * 2**attempt
        assert seconds_between(next_at, after.body["at"]) >= 0
    assert "next_at" not in failures[-1].fields
    # Not for each attempt: chance makes some pauses too short for a way to the server and back.
    assert await handed_out(wire, EVENTS, COMPLETED) > 1


async def test_while_it_waits_nothing_of_it_is_held(tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire) -> None:
    settings = {**PRIVATE, "delivery_base_seconds": 3_600, "delivery_cap_seconds": 3_600}
    async with Receiver(answering(500)) as broken:
        with stage(tmp_path, fresh_nats_server, **settings) as running:
            live = await wire.follow("a")
            await submit(wire, running, "a", broken)
            await live.until("delivery_failed")
            actor: Any = running.actor("delivery")._actor_weakref()

            await eventually(lambda: not actor._parcels and not actor._mailboxes[0]._held, "nothing is held")

            info = await wire.js.consumer_info(EVENTS, COMPLETED)
            assert info.num_ack_pending == 1


async def test_brought_early_by_a_takeover_it_is_not_tried_early(
    tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire, connection: Connection
) -> None:
    settings = {**PRIVATE, "delivery_base_seconds": 0, "delivery_cap_seconds": RETRY_AFTER}
    acks = await wire.connection.subscribe(f"$JS.ACK.{EVENTS}.{COMPLETED}.>")
    busy_answer = answering(503, f"Retry-After: {RETRY_AFTER}\r\n")
    async with Receiver(busy_answer) as busy, Receiver(answering(204)) as sound:
        with stage(tmp_path, fresh_nats_server, **settings) as running:
            live = await wire.follow()
            await submit(wire, running, "a", busy)
            event = last(await live.until("delivery_failed"), "delivery_failed")
            assert seconds_between(event.body["at"], event.fields["next_at"]) == RETRY_AFTER
            while not (await acks.next_msg(timeout=20)).data.startswith(b"-NAK"):
                pass
            before = await handed_out(wire, EVENTS, COMPLETED)

            assert await take_over(connection, [EVENTS]) >= 1
            await until_handed_out(wire, EVENTS, COMPLETED, more_than=before)

            # What comes after it is dealt with after it.
            await submit(wire, running, "b", sound)
            events = await live.until("delivered")
            assert len(failed(events)) == len(busy.requests) == 1


async def test_after_a_restart_it_goes_on_with_the_next_attempt(
    tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire
) -> None:
    settings = {**PRIVATE, "delivery_max_attempts": 3, "delivery_base_seconds": 0.5, "delivery_cap_seconds": 0.5}
    async with Receiver(answering(500)) as broken:
        live = await wire.follow("a")
        with stage(tmp_path, fresh_nats_server, **settings) as running:
            await submit(wire, running, "a", broken)
            await live.until("delivery_failed")
        with stage(tmp_path, fresh_nats_server, **settings):
            events = await live.until_delivered()

    assert [event.fields["attempt"] for event in failed(events)] == [1, 2, 3]
    assert len(broken.requests) == 3
