"""Tasks that wait for others: until all are completed, or until one can never be."""

from itertools import pairwise
from typing import Any

import pytest

from tests.support.dead_letter import dead_letter
from tests.support.live_events import LiveEvents
from tests.support.wire import Wire
from tests.support.wire_event import last, names

BLOCKED = ["submitted", "routed", "blocked"]
LET_GO = [*BLOCKED, "unblocked", "assigned", "started", "completed"]


async def submitted(wire: Wire, task_id: str, *on: str, agent: str = "echo", **fields: object) -> LiveEvents:
    live = await wire.follow(task_id)
    await wire.publish(f"callboard.submit.{agent}", {"id": task_id, "input": "x", "depends_on": list(on), **fields})
    return live


async def accepted(wire: Wire, verb: str, body: dict[str, str]) -> Any:
    return (await wire.ask(f"api.{verb}", body)).ok


async def test_on_a_task_that_has_completed(wire: Wire, new_id: str) -> None:
    await wire.run({"id": f"{new_id}-first", "input": 1}, "echo")

    live = await submitted(wire, new_id, f"{new_id}-first")

    events = await live.until_over()
    assert names(events) == LET_GO
    assert last(events, "blocked").fields == last(events, "unblocked").fields == {"on": [f"{new_id}-first"]}


async def test_on_a_task_that_runs(wire: Wire, new_id: str) -> None:
    first = await submitted(wire, f"{new_id}-first", agent="waiter")
    await first.until("started")
    live = await submitted(wire, new_id, f"{new_id}-first")
    await live.until("blocked")

    await accepted(wire, "cancel", {"id": f"{new_id}-first", "reason": "enough"})

    events = await live.until_over()
    assert names(events) == [*BLOCKED, "failed"]
    error = {"type": "DependencyFailed", "message": f"dependency {new_id}-first cancelled: enough"}
    assert last(events, "failed").fields == {"error": error, "attempts": 0}


async def test_on_tasks_that_do_not_exist_yet(wire: Wire, new_id: str) -> None:
    live = await submitted(wire, new_id, f"{new_id}-1", f"{new_id}-2", f"{new_id}-1")
    await live.until("blocked")

    await wire.run({"id": f"{new_id}-2", "input": 2}, "echo")
    assert names(await wire.stored(new_id)) == BLOCKED
    await wire.run({"id": f"{new_id}-1", "input": 1}, "echo")

    events = await live.until_over()
    assert names(events) == LET_GO
    assert last(events, "blocked").fields == {"on": [f"{new_id}-1", f"{new_id}-2"]}


@pytest.mark.parametrize("before", [True, False])
async def test_on_a_task_that_fails(wire: Wire, new_id: str, before: bool) -> None:  # noqa: FBT001
    doomed = {"id": f"{new_id}-first", "input": 7}
    if before:
        await wire.run(doomed, "final")

    live = await submitted(wire, new_id, f"{new_id}-first", f"{new_id}-never")
    if not before:
        await live.until("blocked")
        await wire.run(doomed, "final")

    events = await live.until_over()
    assert names(events) == [*BLOCKED, "failed"]
    message = f"dependency {new_id}-first failed: NoSuchInvoiceError: no invoice 7"
    assert last(events, "failed").fields["error"] == {"type": "DependencyFailed", "message": message}


async def test_the_failure_goes_on_down_with_its_cause(wire: Wire, new_id: str) -> None:
    live = await submitted(wire, f"{new_id}-2", f"{new_id}-1")
    await submitted(wire, f"{new_id}-1", f"{new_id}-0")

    await wire.run({"id": f"{new_id}-0", "input": 7}, "final")

    message = last(await live.until_over(), "failed").fields["error"]["message"]
    assert message.startswith(f"dependency {new_id}-1 failed: DependencyFailed: dependency {new_id}-0 failed: NoSuch")


async def test_on_a_task_that_expires(wire: Wire, new_id: str) -> None:
    live = await submitted(wire, new_id, f"{new_id}-first")
    await wire.run({"id": f"{new_id}-first", "input": 1, "expires_at": "2020-01-01T00:00:00Z"}, "echo")

    error = last(await live.until_over(), "failed").fields["error"]
    assert error == {"type": "DependencyFailed", "message": f"dependency {new_id}-first expired"}


async def test_a_blocked_task_is_cancelled_and_stays_so(wire: Wire, new_id: str) -> None:
    live = await submitted(wire, new_id, f"{new_id}-first")
    await live.until("blocked")

    answer = await accepted(wire, "cancel", {"id": new_id, "reason": "enough"})
    again = await accepted(wire, "cancel", {"id": new_id})
    await wire.run({"id": f"{new_id}-first", "input": 1}, "echo")
    await wire.run({"id": f"{new_id}-next", "input": 1, "depends_on": [f"{new_id}-first"]}, "echo")

    assert names(await wire.stored(new_id)) == [*BLOCKED, "cancelled"]
    assert answer == again


async def test_a_task_that_was_retried_waits_again(wire: Wire, new_id: str) -> None:
    first = await submitted(wire, f"{new_id}-first", agent="waiter")
    live = await submitted(wire, new_id, f"{new_id}-first")
    await first.until("started")
    await accepted(wire, "cancel", {"id": f"{new_id}-first"})
    await live.until("failed")

    await accepted(wire, "retry", {"id": new_id})
    await live.until_all("failed", 2)
    await accepted(wire, "retry", {"id": f"{new_id}-first"})
    await accepted(wire, "retry", {"id": new_id})

    assert names(await live.until_all("blocked", 3)) == [*BLOCKED, *["failed", "retried", "blocked"] * 2]
    await accepted(wire, "cancel", {"id": f"{new_id}-first"})
    await live.until_all("failed", 3)


async def test_a_thousand_tasks_for_one(wire: Wire, new_id: str) -> None:
    """Fan-in."""
    others = [f"{new_id}-{number}" for number in range(1_000)]
    live = await submitted(wire, new_id, *others)
    await live.until("blocked")

    for other in others:
        await wire.connection.publish("callboard.submit.echo", b'{"id": "%s", "input": 1}' % other.encode())

    events = await live.until_over(60)
    assert names(events) == LET_GO
    assert last(events, "unblocked").fields == {"on": others}


async def test_a_thousand_tasks_that_were_there_before(wire: Wire, new_id: str) -> None:
    others = [f"{new_id}-{number}" for number in range(1_000)]
    ends = await wire.follow("*")
    for other in others:
        await wire.connection.publish("callboard.submit.echo", b'{"id": "%s", "input": 1}' % other.encode())
    await ends.until_all("completed", 1_000, 60)

    live = await submitted(wire, new_id, *others)

    assert names(await live.until_over(60)) == LET_GO


async def test_one_task_for_a_thousand(wire: Wire, new_id: str) -> None:
    """Fan-out."""
    body = b'{"id": "%s-%d", "input": 1, "depends_on": ["%s"]}'
    live = await wire.follow("*")
    for number in range(1_000):
        await wire.connection.publish("callboard.submit.echo", body % (new_id.encode(), number, new_id.encode()))
    await live.until_all("blocked", 1_000, 60)

    await wire.run({"id": new_id, "input": 1}, "echo")

    await live.until_all("completed", 1_001, 60)


async def test_a_chain_of_a_hundred(wire: Wire, new_id: str) -> None:
    live = await wire.follow("*")
    for number in range(1, 101):
        await submitted(wire, f"{new_id}-{number}", f"{new_id}-{number - 1}")
    await live.until_all("blocked", 100, 60)

    await wire.run({"id": f"{new_id}-0", "input": 1}, "echo")

    events = await live.until_all("completed", 101, 60)
    ended = [event.task_id for event in events if event.name == "completed"]
    assert ended == [f"{new_id}-{number}" for number in range(101)]


async def test_a_task_that_waits_for_itself_is_refused(wire: Wire, new_id: str) -> None:
    body = {"id": new_id, "input": 1, "depends_on": [new_id]}

    assert "cycle" in (await wire.ask("api.submit", {**body, "agent": "echo"})).error(400, "depends_on")
    letter = await dead_letter(wire, (await wire.publish("callboard.submit.echo", body)).seq)

    assert letter.reason == "invalid"
    assert f"{new_id} → {new_id}" in letter.error
    assert await wire.stored(new_id) == []


@pytest.mark.parametrize("length", [2, 3, 30])
async def test_the_last_of_a_ring_is_refused(wire: Wire, new_id: str, length: int) -> None:
    ring = [f"{new_id}-{number}" for number in range(length)]
    lives = [await submitted(wire, task_id, after) for task_id, after in pairwise(ring)]
    for live in lives:
        # A request does not queue behind commands that were published before it.
        await live.until("blocked")

    refused = await wire.ask("api.submit", {"id": ring[-1], "input": 1, "depends_on": [ring[0]], "agent": "echo"})

    assert f"{ring[-1]} → {ring[0]} → " in refused.error(400, "depends_on")
    again = await wire.ask("api.submit", {"id": ring[0], "input": 1, "depends_on": [ring[1]], "agent": "echo"})
    assert again.ok["id"] == ring[0]
    await wire.run({"id": ring[-1], "input": "without"}, "echo")
    assert names(await lives[0].until_over()) == LET_GO


async def test_a_ring_is_refused_however_fast_it_comes_in(wire: Wire, new_id: str) -> None:
    one, other = f"{new_id}-1", f"{new_id}-2"
    live = await wire.follow(one)

    for task_id, on in ((one, other), (other, one)):
        body = b'{"id": "%s", "input": 1, "depends_on": ["%s"]}' % (task_id.encode(), on.encode())
        await wire.connection.publish("callboard.submit.echo", body)
    await live.until("blocked")
    await wire.run({"id": other, "input": "without"}, "echo")

    assert names(await live.until_over()) == LET_GO
