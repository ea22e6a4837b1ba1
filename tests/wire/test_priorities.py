"""Priorities: names and numbers, the bands they stand for, and who starts first."""

import pytest

from tests.support.consumer import until_holding
from tests.support.wire import Wire
from tests.support.wire_event import last

BANDS = ["critical", "high", "normal", "low", "background"]
NUMBERS = {number: BANDS[(number - 1) // 2] for number in range(1, 11)}


@pytest.mark.parametrize(("priority", "band"), [*((band, band) for band in BANDS), *NUMBERS.items()])
async def test_a_priority_is_a_band_in_the_subject(wire: Wire, new_id: str, priority: str | int, band: str) -> None:
    events = await wire.run({"id": new_id, "input": "x", "priority": priority}, "single")

    assigned = last(events, "assigned")
    assert assigned.subject == f"callboard.live.task.{new_id}.3.assigned.single.{band}"
    assert assigned.fields["priority"] == band
    assert events[0].fields["priority"] == priority
    assert last(events, "completed").fields["output"] == band
    assert (await wire.ask("query.task", {"id": new_id, "min_seq": events[-1].seq})).ok["priority"] == band


async def test_without_a_priority_it_is_normal(wire: Wire) -> None:
    events = await wire.run({"input": "x"}, "single")

    assert last(events, "assigned").tail == ["single", "normal"]


async def test_of_what_waits_the_strictest_band_starts_first(wire: Wire, new_id: str) -> None:
    live = await wire.follow()
    await wire.publish("callboard.submit.single", {"id": new_id, "input": "wait"})
    await live.until("started")
    waiting = ["background", "low", "critical", "normal", "high"]
    for band in waiting:
        await wire.publish("callboard.submit.single", {"id": f"{new_id}-{band}", "input": "x", "priority": band})
    for band in waiting:
        # One of the normal ones is the task that runs.
        await until_holding(wire, "CALLBOARD_EVENTS", f"specialist-single-{band}", 2 if band == "normal" else 1)

    await wire.publish(f"callboard.cancel.{new_id}", {})

    events = await live.until_all("completed", len(BANDS))
    started = [event.task_id for event in events if event.name == "started"]
    assert started == [new_id, *(f"{new_id}-{band}" for band in BANDS)]


async def test_a_laxer_band_waits_until_all_of_a_stricter_one_have_run(wire: Wire, new_id: str) -> None:
    live = await wire.follow()
    await wire.publish("callboard.submit.single", {"id": new_id, "input": "wait", "priority": "high"})
    await live.until("started")
    for number in range(6):
        for band in ("background", "critical"):
            task_id = f"{new_id}-{band}-{number}"
            await wire.publish("callboard.submit.single", {"id": task_id, "input": "x", "priority": band})
    for band in ("background", "critical"):
        await until_holding(wire, "CALLBOARD_EVENTS", f"specialist-single-{band}", 6)

    await wire.publish(f"callboard.cancel.{new_id}", {})

    events = await live.until_all("completed", 12)
    started = [event.task_id for event in events if event.name == "started"]
    assert started[1:] == [f"{new_id}-{band}-{number}" for band in ("critical", "background") for number in range(6)]
