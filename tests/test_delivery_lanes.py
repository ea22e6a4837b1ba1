"""Receivers that hang or are busy: they are asked a few at a time, and everybody else gets results as before."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest_asyncio
from nats.aio.msg import Msg

from callboard.actors.delivery import PLACES, WINDOW
from callboard.actors.drain import Drain
from tests.support.consumer import until_holding, until_settled
from tests.support.fresh_server import wire_to_server
from tests.support.nats_server import NatsServer
from tests.support.receiver import Receiver, Request, answering, silent
from tests.support.stage import Stage, stage
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import names

EVENTS, COMPLETED = "CALLBOARD_EVENTS", "delivery-completed"
PER_HOST = 5
HANGING = 3_000
SOON_SECONDS = 5.0
DEADLINE = 20.0
LONG: dict[str, Any] = {"allow_private_addresses": True, "delivery_base_seconds": 3_600, "delivery_cap_seconds": 3_600}
ENDED = ["submitted", "routed", "assigned", "started", "completed"]
wire = pytest_asyncio.fixture(wire_to_server)


def hook(receiver: Receiver, host: str = "127.0.0.1") -> dict[str, str]:
    return {"channel": "webhook", "url": receiver.url.replace("127.0.0.1", host)}


async def submit(wire: Wire, running: Stage, task_id: str, *targets: dict[str, str]) -> None:
    await wire.publish("callboard.submit.noter", running.submission(task_id) | {"delivery": list(targets)})


async def submit_many(wire: Wire, running: Stage, count: int, *targets: dict[str, str]) -> None:
    for first in range(0, count, 100):
        numbers = range(first, min(first + 100, count))
        await asyncio.gather(*(submit(wire, running, f"task-{number}", *targets) for number in numbers))


class Gate:
    """An answer that waits for ``go_on`` and keeps the most requests that ever waited at the same time."""

    def __init__(self, *, full_at: int) -> None:
        self.under_way = self.most = 0
        self.full, self.go_on = asyncio.Event(), asyncio.Event()
        self._full_at = full_at

    async def __call__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.under_way == self._full_at:
            self.full.set()
        await self.go_on.wait()
        self.under_way -= 1
        await answering(204)(request, reader, writer)


async def test_a_host_that_hangs_with_thousands_of_results_holds_up_no_other(
    tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire
) -> None:
    assert HANGING > WINDOW
    async with Receiver(silent) as hanging, Receiver(answering(204)) as sound:
        with stage(tmp_path, fresh_nats_server, **LONG) as running:
            live = await wire.follow()
            await submit_many(wire, running, HANGING, hook(hanging))
            await live.until_all("completed", HANGING, seconds=60)
            await eventually(lambda: len(hanging.requests) == PER_HOST, "the hanging host is asked")

            theirs = await wire.follow("other")
            await submit(wire, running, "other", hook(sound, "localhost"))
            events = await theirs.until_delivered(seconds=SOON_SECONDS)

            assert names(events) == [*ENDED, "delivered"]
            assert len(hanging.requests) == PER_HOST
            assert names(live.events).count("delivery_failed") == 0


async def test_hosts_that_hang_leave_room_however_many_they_are(
    tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire
) -> None:
    async with Receiver(silent) as hanging, Receiver(answering(204)) as sound:
        hosts = [hook(hanging, f"127.0.0.{number}") for number in range(2, 42)]
        with stage(tmp_path, fresh_nats_server, **LONG) as running:
            await submit_many(wire, running, 2 * PLACES // len(hosts), *hosts)
            theirs = await wire.follow("other")
            await submit(wire, running, "other", hook(sound, "localhost"))

            events = await theirs.until_delivered(seconds=SOON_SECONDS)

            assert names(events)[-1] == "delivered"


async def test_a_host_gets_no_more_requests_at_once_than_it_may_and_all_of_them_in_the_end(
    tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire
) -> None:
    gate, count = Gate(full_at=PER_HOST), 12
    async with Receiver(gate) as busy, Receiver(answering(204)) as other, asyncio.timeout(2 * DEADLINE):
        with stage(tmp_path, fresh_nats_server, **LONG) as running:
            live = await wire.follow()
            await submit_many(wire, running, count, hook(busy))
            await live.until_all("completed", count)
            await gate.full.wait()
            await submit(wire, running, "other", hook(other, "localhost"))
            events = await live.until_delivered()
            assert [event.task_id for event in events if event.name == "delivered"] == ["other"]

            gate.go_on.set()

            await live.until_delivered(count + 1)
            await until_settled(wire, EVENTS, COMPLETED)
    assert (gate.most, len(busy.requests)) == (PER_HOST, count)


async def test_more_than_a_lane_holds_are_all_delivered_once(
    tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire
) -> None:
    gate, count = Gate(full_at=PER_HOST), PLACES
    async with Receiver(gate) as busy:
        with stage(tmp_path, fresh_nats_server, **LONG) as running:
            live = await wire.follow()
            await submit_many(wire, running, count, hook(busy))
            await live.until_all("completed", count, seconds=60)
            await gate.full.wait()
            gate.go_on.set()

            events = await live.until_delivered(count, seconds=60)

    assert {event.fields["attempt"] for event in events if event.name == "delivered"} == {1}
    assert names(events).count("delivery_failed") == 0
    assert len({request.headers["webhook-id"] for request in busy.requests}) == len(busy.requests) == count


async def test_waiting_for_a_turn_is_no_attempt(tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire) -> None:
    settings = {**LONG, "delivery_timeout_seconds": 0.3, "delivery_max_attempts": 1}
    count = 4 * PER_HOST
    async with Receiver(silent) as hanging:
        with stage(tmp_path, fresh_nats_server, **settings) as running:
            live = await wire.follow()
            await submit_many(wire, running, count, hook(hanging))

            events = await live.until_delivered(count)

    failures = [event.fields for event in events if event.name == "delivery_failed"]
    assert {(each["attempt"], each["final"]) for each in failures} == {(1, True)}
    assert all("did not answer within 0.3 seconds" in each["error"]["message"] for each in failures)
    assert len(hanging.requests) == count


async def test_targets_of_one_task_do_not_wait_for_each_other(
    tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire
) -> None:
    settings = {**LONG, "delivery_base_seconds": 0.05, "delivery_max_attempts": 3}
    async with Receiver(silent) as hanging, Receiver(answering(500)) as broken:
        with stage(tmp_path, fresh_nats_server, **settings) as running:
            live = await wire.follow("a")
            await submit(wire, running, "a", hook(hanging), hook(broken, "localhost"))

            events = await live.until_delivered()

            failures = [event.fields for event in events if event.name == "delivery_failed"]
            assert [(each["index"], each["attempt"], each["final"]) for each in failures] == [
                (1, 1, False),
                (1, 2, False),
                (1, 3, True),
            ]
            await until_holding(wire, EVENTS, COMPLETED, 1)
            assert len(hanging.requests) == 1


async def test_a_drain_gives_back_what_waits_and_waits_for_what_is_sent(
    tmp_path: Path, fresh_nats_server: NatsServer, wire: Wire
) -> None:
    gate, count = Gate(full_at=PER_HOST), 12
    async with Receiver(gate) as busy, asyncio.timeout(DEADLINE):
        with stage(tmp_path, fresh_nats_server, **LONG) as running:
            live = await wire.follow()
            await submit_many(wire, running, count, hook(busy))
            await live.until_all("completed", count)
            await gate.full.wait()

            idle: Any = running.actor("delivery").ask(Drain())

            successor = await wire.js.pull_subscribe_bind(COMPLETED, EVENTS)
            given_back: list[Msg] = []
            while len(given_back) < count - PER_HOST:
                given_back += await successor.fetch(count - PER_HOST - len(given_back), timeout=DEADLINE)
            with contextlib.suppress(TimeoutError):
                given_back += await successor.fetch(1, timeout=0.5)
            assert len(given_back) == count - PER_HOST
            assert not idle.is_set()

            gate.go_on.set()

            await live.until_delivered(PER_HOST)
            assert await asyncio.to_thread(idle.wait, DEADLINE)
            assert len(busy.requests) == PER_HOST
