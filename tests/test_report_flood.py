"""A handler that reports in a tight loop and awaits nothing: a bounded part of it is kept, with the last word."""

from typing import Any

import pytest
import pytest_asyncio

from callboard.actors.reports import UNDER_WAY
from callboard.actors.specialist import Release, Specialist
from tests.support.fresh_server import stage_on_server, wire_to_server
from tests.support.nats_server import NatsServer
from tests.support.stage import Stage
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, names

REPORTS = 50_000
KEPT = [*range(1, UNDER_WAY + 1), REPORTS]
"""Which reports are stored when nothing was while they were made."""

running = pytest.fixture(stage_on_server)
wire = pytest_asyncio.fixture(wire_to_server)


def fractions(events: list[WireEvent]) -> list[float]:
    return [event.fields["fraction"] for event in events if event.name == "progressed"]


async def flooded(running: Stage, wire: Wire, server: NatsServer, **work: Any) -> tuple[Specialist, Any]:
    """Have a handler that runs report while the server is silent; return its specialist and its attempt."""
    await wire.publish("callboard.submit.waiter", running.submission("flood", reports=REPORTS, **work))
    await running.ran(0)
    specialist: Any = running.actor("specialist-waiter")._actor_weakref()
    (run,) = specialist._runs.values()
    server.suspend()
    running.go.touch()
    return specialist, run


async def test_what_is_held_is_bounded_while_nothing_can_be_stored(
    running: Stage, wire: Wire, fresh_nats_server: NatsServer
) -> None:
    live = await wire.follow("flood")
    specialist, run = await flooded(running, wire, fresh_nats_server)
    await eventually(lambda: run.running and run.running.over, "the handler has ended")

    assert len(specialist._reports) == UNDER_WAY + 1
    assert len(specialist.inbox) <= UNDER_WAY + 2
    fresh_nats_server.resume()

    events = await live.until_over()
    assert fractions(events) == [number / REPORTS for number in KEPT]
    assert names(events)[-2:] == ["progressed", "completed"]
    await eventually(lambda: not len(specialist._reports), "all who waited for a report are told")


async def test_the_last_report_is_stored_before_a_task_is_handed_back(
    running: Stage, wire: Wire, fresh_nats_server: NatsServer
) -> None:
    live = await wire.follow("flood")
    specialist, run = await flooded(running, wire, fresh_nats_server, seconds=60)
    await eventually(lambda: run.backlog.waiting and run.backlog.waiting.fraction == 1, "the last report waits")

    specialist.actor_ref.ask(Release("the end is near"), block=False)
    fresh_nats_server.resume()

    events = await live.until("attempt_failed")
    assert fractions(events) == [number / REPORTS for number in KEPT]
    assert names(events)[-2:] == ["progressed", "attempt_failed"]
    assert events[-1].fields["released"]


async def test_a_flood_in_a_thread_keeps_its_order_and_its_last_word(running: Stage, wire: Wire) -> None:
    events = await wire.run(running.submission("flood", reports=REPORTS), "plodder")

    kept = fractions(events)
    assert kept[:UNDER_WAY] == [number / REPORTS for number in range(1, UNDER_WAY + 1)]
    assert kept == sorted(set(kept))
    assert kept[-1] == 1.0
    assert len(kept) < REPORTS / 2
    assert events[-1].name == "completed"
