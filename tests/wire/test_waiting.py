"""A task that waits is stored as one, and can be called off and begun anew."""

from typing import Any

import pytest

from tests.support.dead_letter import dead_letter
from tests.support.wire import Wire
from tests.support.wire_event import last, names


@pytest.mark.parametrize(
    ("fields", "name", "said"),
    [
        (
            {"scheduled_for": "2999-01-01T09:00:00+09:00"},
            "scheduled",
            {"due": "2999-01-01T00:00:00Z", "why": "requested"},
        ),
        ({"depends_on": ["nobody", "none", "nobody"]}, "blocked", {"on": ["nobody", "none"]}),
    ],
)
async def test_a_task_waits_until_it_is_called_off(
    wire: Wire, new_id: str, fields: dict[str, Any], name: str, said: dict[str, Any]
) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.echo", {"id": new_id, "input": 1, **fields})
    assert last(await live.until(name), name).fields == said
    seq = (await wire.ask("api.cancel", {"id": new_id})).ok["seq"]

    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": seq})).ok
    assert (shown["status"], shown["attempts"], shown["started_at"]) == ("cancelled", 0, None)
    assert names(await wire.stored(new_id)) == ["submitted", "routed", name, "cancelled"]


async def test_a_task_that_comes_too_late_is_expired(wire: Wire) -> None:
    events = await wire.run({"input": 1, "expires_at": "2020-01-01T00:00:00Z"}, "echo")
    assert names(events) == ["submitted", "routed", "expired"]


async def test_a_task_that_was_called_off_gets_a_new_life(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.waiter", {"id": new_id, "input": 1, "scheduled_for": "2999-01-01T00:00:00Z"})
    await live.until("scheduled")
    await wire.publish(f"callboard.cancel.{new_id}", b"")
    await live.until("cancelled")
    ack = await wire.publish(f"callboard.retry.{new_id}", b"")
    assigned = last(await live.until("assigned"), "assigned")
    assert (assigned.fields["life"], assigned.fields["attempt"]) == (2, 1)
    retried = last(await wire.stored(new_id), "retried")
    assert retried.fields["by"].endswith(f"-{ack.seq}")
    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": assigned.seq})).ok
    assert shown["life"] == 2
    await wire.ask("api.cancel", {"id": new_id})
    await live.until_all("cancelled", 2)


@pytest.mark.parametrize("told", [["min_seq"], []], ids=["with its sequence", "without"])
async def test_who_asks_after_a_retry_reads_the_new_life(wire: Wire, new_id: str, told: list[str]) -> None:
    await wire.ask("api.submit", {"id": new_id, "agent": "waiter", "input": 1, "scheduled_for": "2999-01-01T00:00:00Z"})
    for life in range(1, 6):
        seq = (await wire.ask("api.cancel", {"id": new_id})).ok["seq"]
        ended = (await wire.ask("api.result", {"id": new_id, "wait_seconds": 5})).ok
        assert (ended["status"], ended["life"], ended["seq"]) == ("cancelled", life, seq)
        seq = (await wire.ask("api.retry", {"id": new_id})).ok["seq"]
        least = dict.fromkeys(told, seq)
        shown = (await wire.ask("api.result", {"id": new_id, "wait_seconds": 0.05, **least})).ok
        assert not (shown["status"] == "cancelled" and shown["life"] == life)
        assert shown["life"] == life + 1
    await wire.ask("api.cancel", {"id": new_id})


@pytest.mark.parametrize("body", [b"", b"{}"])
async def test_a_task_that_nobody_knows_or_that_is_completed_gets_none(wire: Wire, new_id: str, body: bytes) -> None:
    ack = await wire.publish(f"callboard.retry.{new_id}", body)
    assert (await dead_letter(wire, ack.seq)).reason == "unknown_task"
    await wire.run({"id": new_id, "input": 1}, "echo")
    ack = await wire.publish(f"callboard.retry.{new_id}", body)
    assert (await dead_letter(wire, ack.seq)).reason == "not_possible"
    assert (await wire.ask("api.retry", {"id": new_id})).error(409)
