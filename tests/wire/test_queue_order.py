"""Who starts next at an agent with a long queue: the urgent, but in the end everybody."""

import asyncio
from pathlib import Path

from tests.support.consumer import until_holding
from tests.support.live_events import LiveEvents
from tests.support.wire import Wire

APP = "queue_agents.py"
CONCURRENCY = 4
MAX_PASSED_OVER = 500
QUEUED = 2_000
AT_A_TIME = 100


async def submit(wire: Wire, prefix: str, count: int, gate: Path, band: str) -> list[str]:
    """Submit so many tasks of one band, in order."""
    ids = [f"{prefix}-{band}-{number}" for number in range(count)]
    for begin in range(0, count, AT_A_TIME):
        part = ids[begin : begin + AT_A_TIME]
        bodies = [{"id": task_id, "input": str(gate), "priority": band} for task_id in part]
        await asyncio.gather(*(wire.publish("callboard.submit.clerk", body) for body in bodies))
    return ids


def started(live: LiveEvents) -> list[str]:
    return [event.task_id for event in live.events if event.name == "started"]


async def test_a_critical_task_overtakes_a_long_queue(wire: Wire, new_id: str, tmp_path: Path) -> None:
    live, gate = await wire.follow(), tmp_path / "gate"
    ids = await submit(wire, new_id, QUEUED, gate, "normal")
    await live.until_all("started", CONCURRENCY)

    (urgent,) = await submit(wire, new_id, 1, gate, "critical")
    await until_holding(wire, "CALLBOARD_EVENTS", "specialist-clerk-critical", 1)
    gate.touch()

    await live.until_all("completed", QUEUED + 1, 120)
    order = started(live)
    assert order.index(urgent) < 2 * CONCURRENCY, "it starts within the next `concurrency` starts"
    order.remove(urgent)
    assert order == ids, "the others start in the order in which they came"


async def test_a_background_task_starts_in_spite_of_a_steady_stream_of_critical_ones(
    wire: Wire, new_id: str, tmp_path: Path
) -> None:
    live, gate = await wire.follow(), tmp_path / "gate"
    await submit(wire, new_id, MAX_PASSED_OVER + 200, gate, "critical")
    await live.until_all("started", CONCURRENCY)
    (patient,) = await submit(wire, new_id, 1, gate, "background")
    await until_holding(wire, "CALLBOARD_EVENTS", "specialist-clerk-background", 1)
    gate.touch()

    await live.until_all("completed", MAX_PASSED_OVER + 201, 120)
    assert started(live).index(patient) <= CONCURRENCY + MAX_PASSED_OVER
