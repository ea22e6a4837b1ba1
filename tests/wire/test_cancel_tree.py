"""Cancelling a task cancels its subtasks, and theirs, in whatever state they are."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.live_events import LiveEvents
from tests.support.wire import Wire
from tests.support.wire_event import TERMINAL, WireEvent, last, names

FAR = "2200-01-01T00:00:00Z"


async def submitted(wire: Wire, task_id: str, parent: str | None, agent: str = "waiter", **fields: Any) -> None:
    body = {"id": task_id, "input": "wait", "parent_id": parent, "agent": agent, **fields}
    assert (await wire.ask("api.submit", body)).ok["id"] == task_id


async def cancelled(live: LiveEvents, count: int, seconds: float = 20.0) -> dict[str, WireEvent]:
    events = await live.until_all("cancelled", count, seconds)
    return {event.task_id: event for event in events if event.name in TERMINAL}


def tree(root: str, width: int, depth: int) -> Iterator[tuple[str, str]]:
    """Yield each task below ``root`` with its parent."""
    for number in range(width if depth else 0):
        child = f"{root}-{number}"
        yield child, root
        yield from tree(child, width, depth - 1)


@pytest.mark.parametrize("way", ["command", "request"])
async def test_three_levels(wire: Wire, new_id: str, way: str) -> None:
    live = await wire.follow()
    await submitted(wire, new_id, None)
    below = dict(tree(new_id, 3, 3))
    for child, parent in below.items():
        await submitted(wire, child, parent)
    await submitted(wire, f"{new_id}x", None)

    if way == "command":
        await wire.publish(f"callboard.cancel.{new_id}", {"reason": "enough"})
    else:
        assert (await wire.ask("api.cancel", {"id": new_id, "reason": "enough"})).ok["id"] == new_id

    ends = await cancelled(live, 1 + len(below))
    assert ends.keys() == {new_id, *below}
    assert ends[new_id].fields["reason"] == "enough"
    for child, parent in below.items():
        assert ends[child].fields["reason"] == f"its parent {parent} was cancelled"
    assert (await wire.ask("api.cancel", {"id": f"{new_id}x"})).ok["id"] == f"{new_id}x"


async def test_children_in_every_state(wire: Wire, new_id: str) -> None:
    await submitted(wire, new_id, None)
    live = await wire.follow()
    await submitted(wire, f"{new_id}-blocked", new_id, depends_on=[f"{new_id}-never"])
    await submitted(wire, f"{new_id}-scheduled", new_id, scheduled_for=FAR)
    await submitted(wire, f"{new_id}-running", new_id, "single")
    await live.until("started")
    await submitted(wire, f"{new_id}-assigned", new_id, "single")
    await submitted(wire, f"{new_id}-completed", new_id, "echo")
    await submitted(wire, f"{new_id}-failed", new_id, "final")
    await live.until("completed")
    await live.until("failed")
    await submitted(wire, f"{new_id}-cancelled", new_id)
    assert (await wire.ask("api.cancel", {"id": f"{new_id}-cancelled", "reason": "before"})).ok

    assert (await wire.ask("api.cancel", {"id": new_id})).ok

    ends = await cancelled(live, 6)
    assert {task_id.removeprefix(f"{new_id}-"): end.name for task_id, end in ends.items()} == {
        new_id: "cancelled",
        "blocked": "cancelled",
        "scheduled": "cancelled",
        "assigned": "cancelled",
        "running": "cancelled",
        "cancelled": "cancelled",
        "completed": "completed",
        "failed": "failed",
    }
    assert ends[f"{new_id}-cancelled"].fields["reason"] == "before"


async def test_a_child_that_comes_too_late(wire: Wire, new_id: str) -> None:
    await submitted(wire, new_id, None)
    assert (await wire.ask("api.cancel", {"id": new_id})).ok
    live = await wire.follow(f"{new_id}-late")

    await submitted(wire, f"{new_id}-late", new_id)

    assert last(await live.until_over(), "cancelled").fields["reason"] == f"its parent {new_id} was cancelled"


async def test_a_child_of_a_parent_that_ended_otherwise_goes_on(wire: Wire, new_id: str) -> None:
    await wire.run({"id": f"{new_id}-done", "input": 1}, "echo")
    await wire.run({"id": f"{new_id}-failed", "input": 1}, "final")

    for parent in (f"{new_id}-done", f"{new_id}-failed", f"{new_id}-never"):
        events = await wire.run({"input": 1, "parent_id": parent}, "echo")
        assert events[-1].name == "completed"


async def test_while_children_are_being_submitted(wire: Wire, new_id: str) -> None:
    live = await wire.follow()
    await submitted(wire, new_id, None)
    below = list(tree(new_id, 6, 3))

    async def submit_all() -> None:
        for child, parent in below:
            await submitted(wire, child, parent)

    submitting = asyncio.create_task(submit_all())
    await live.until_all("submitted", len(below) // 3)
    assert (await wire.ask("api.cancel", {"id": new_id})).ok
    await submitting

    ends = await cancelled(live, 1 + len(below), 60)
    assert ends.keys() == {new_id, *(child for child, _ in below)}


async def test_more_children_than_one_answer_of_the_server_holds(wire: Wire, new_id: str) -> None:
    live = await wire.follow()
    await submitted(wire, new_id, None)
    body = b'{"id": "%s-%d", "input": 1, "parent_id": "%s"}'
    for number in range(2_500):
        await wire.connection.publish("callboard.submit.waiter", body % (new_id.encode(), number, new_id.encode()))
    await live.until_all("assigned", 2_501, 60)

    assert (await wire.ask("api.cancel", {"id": new_id})).ok

    assert len(await cancelled(live, 2_501, 60)) == 2_501


async def test_a_parent_that_is_its_own_child(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await submitted(wire, new_id, new_id)
    await live.until("assigned")

    assert (await wire.ask("api.cancel", {"id": new_id, "reason": "once"})).ok

    assert last(await live.until_over(), "cancelled").fields["reason"] == "once"
    assert names(await wire.stored(new_id)).count("cancelled") == 1


async def test_a_terminal_task_says_why_it_cannot_be_cancelled(wire: Wire, new_id: str) -> None:
    await wire.run({"id": new_id, "input": 1}, "echo")

    assert "it is completed" in (await wire.ask("api.cancel", {"id": new_id})).error(409)


async def test_the_link_between_parent_and_child_is_in_the_log(wire: Wire, new_id: str) -> None:
    child = f"{new_id}-1"
    await submitted(wire, child, new_id)

    [link] = await wire.kept("CALLBOARD_EVENTS", f"callboard.events.child.{new_id}.>")
    [first, *_] = await wire.stored(child)

    assert link.seq == first.seq - 1
    assert link.subject.endswith(f".{child}.linked")
    assert (await wire.ask("api.cancel", {"id": child})).ok
