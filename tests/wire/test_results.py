"""What the service says of a task, field by field, and how it waits for its end."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from tests.support.wire import Wire
from tests.support.wire_event import last

TASK = {
    "id", "status", "agent", "kind", "priority", "input", "output", "error", "life", "attempts", "max_attempts",
    "user_id", "session_id", "tenant_id", "parent_id", "depends_on", "route", "metadata", "submitted_at",
    "scheduled_for", "expires_at", "due", "started_at", "finished_at", "duration_ms", "deliveries", "version", "seq",
}  # fmt: skip
"""Every field of a task in the protocol."""


async def test_a_completed_task_in_full(wire: Wire, new_id: str) -> None:
    said = {
        "input": {"text": "größe 😀", "n": [1, None, 1.5]},
        "kind": "sync",
        "user_id": "ü 1",
        "session_id": "s/1",
        "tenant_id": "t.1",
        "parent_id": "parent",
        "metadata": {"a": {"b": [True]}},
        "max_attempts": 9,
    }
    events = await wire.run({"id": new_id, **said, "priority": 4, "delivery": []}, "echo")

    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": events[-1].seq})).ok

    assert shown.keys() == TASK | {"as_of_seq"}
    assert {name: shown[name] for name in said} == said
    started, completed = last(events, "started"), last(events, "completed")
    assert {name: shown[name] for name in TASK - said.keys() - {"route"}} == {
        "id": new_id,
        "status": "completed",
        "agent": "echo",
        "priority": "high",
        "output": {"echo": said["input"]},
        "error": None,
        "life": 1,
        "attempts": 1,
        "depends_on": [],
        "submitted_at": events[0].body["at"],
        "scheduled_for": None,
        "expires_at": None,
        "due": None,
        "started_at": started.body["at"],
        "finished_at": completed.body["at"],
        "duration_ms": completed.fields["duration_ms"],
        "deliveries": [],
        "version": 5,
        "seq": completed.seq,
    }
    assert shown["route"] == {
        "agent": "echo",
        "intent": None,
        "confidence": 1.0,
        "method": "explicit",
        "entities": {},
        "reason": last(events, "routed").fields["reason"],
    }
    assert shown["as_of_seq"] >= completed.seq


async def test_a_failed_task(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": {"succeeds_at": 9}}, "flaky")

    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": events[-1].seq})).ok

    assert shown["status"] == "failed"
    assert shown["error"] == last(events, "failed").fields["error"]
    assert (shown["output"], shown["attempts"], shown["max_attempts"]) == (None, 3, 3)
    assert shown["finished_at"] == events[-1].body["at"]


async def test_a_cancelled_task(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.waiter", {"id": new_id, "input": 1})
    await live.until("started")
    seq = (await wire.ask("api.cancel", {"id": new_id, "reason": "enough"})).ok["seq"]

    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": seq})).ok

    assert (shown["status"], shown["output"], shown["seq"], shown["version"]) == ("cancelled", None, seq, 5)
    assert shown["finished_at"] == (await live.until("cancelled"))[-1].body["at"]


async def test_a_client_reads_its_own_writes(wire: Wire) -> None:
    for number in range(50):
        written = (await wire.ask("api.submit", {"input": number, "agent": "echo"})).ok

        shown = (await wire.ask("query.task", {"id": written["id"], "min_seq": written["seq"]})).ok

        assert shown["input"] == number
        assert shown["as_of_seq"] >= written["seq"]
        assert shown["version"] >= 3


async def test_a_result_comes_as_soon_as_the_task_is_over(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.waiter", {"id": new_id, "input": 1})
    await live.until("started")
    asked = [
        asyncio.ensure_future(wire.ask("api.result", {"id": new_id, "wait_seconds": 60}, seconds=70)) for _ in range(5)
    ]
    await wire.connection.flush()
    assert not any(request.done() for request in asked)

    cancelled = time.monotonic()
    await wire.ask("api.cancel", {"id": new_id})

    answers = [(await request).ok for request in asked]
    assert time.monotonic() - cancelled < 20
    assert {answer["status"] for answer in answers} == {"cancelled"}
    assert answers[0].keys() == TASK | {"as_of_seq"}


async def test_a_result_may_be_asked_for_before_the_task_is_submitted(wire: Wire, new_id: str) -> None:
    asked = asyncio.ensure_future(wire.ask("api.result", {"id": new_id, "wait_seconds": 20}))
    await wire.connection.flush()

    await wire.publish("callboard.submit.echo", {"id": new_id, "input": 1})

    assert (await asked).ok["output"] == {"echo": 1}


@pytest.mark.parametrize("wait", [{}, {"wait_seconds": 0}, {"wait_seconds": 0.05}])
async def test_a_result_of_a_task_that_goes_on_is_the_task_as_it_is(
    wire: Wire, new_id: str, wait: dict[str, float]
) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.waiter", {"id": new_id, "input": 1})
    seq = last(await live.until("started"), "started").seq
    await wire.ask("query.stats", {"min_seq": seq})

    answer = (await wire.ask("api.result", {"id": new_id, **wait})).ok

    assert (answer["status"], answer["finished_at"]) == ("running", None)
    await wire.ask("api.cancel", {"id": new_id})


async def test_a_result_of_a_task_that_is_over_comes_at_once(wire: Wire, new_id: str) -> None:
    await wire.run({"id": new_id, "input": 1}, "echo")

    first = (await wire.ask("api.result", {"id": new_id, "wait_seconds": 20})).ok
    second = (await wire.ask("api.result", {"id": new_id})).ok

    assert first["status"] == second["status"] == "completed"


async def test_events_of_a_task_are_those_of_the_log(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": {"succeeds_at": 2}}, "flaky")

    answer = (await wire.ask("query.events", {"id": new_id, "min_seq": events[-1].seq})).ok

    assert answer["events"] == [{"event": event.name, "seq": event.seq, **event.body} for event in events]
    assert answer["as_of_seq"] >= events[-1].seq


async def test_times_are_rfc_3339_in_utc_and_in_order(wire: Wire, new_id: str) -> None:
    before = datetime.now(UTC)
    events = await wire.run({"id": new_id, "input": 1}, "echo")
    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": events[-1].seq})).ok

    times = [shown[name] for name in ("submitted_at", "started_at", "finished_at")]

    assert all(each.endswith("Z") for each in times)
    moments = [before, *map(datetime.fromisoformat, times), datetime.now(UTC)]
    assert moments == sorted(moments)
