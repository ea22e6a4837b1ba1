"""Handlers that spawn subtasks and wait for what they return."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.log_line import logged
from tests.support.running import Running
from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, last, names

APP = "family_agents.py"


async def output(wire: Wire, agent: str, value: Any, **fields: Any) -> Any:
    events = await wire.run({"input": value, **fields}, agent)
    return last(events, "completed").fields["output"]


async def children(wire: Wire, task_id: str) -> list[str]:
    """Return the ids of the tasks whose parent this is, in the order they came in."""
    events = await wire.kept("CALLBOARD_EVENTS", f"callboard.events.child.{task_id}.>")
    return [event.subject.split(".")[5] for event in events]


@pytest.mark.parametrize("agent", ["sum", "plain_sum"])
async def test_results_come_in_the_order_of_the_subtasks(wire: Wire, agent: str) -> None:
    numbers = [5, 3, 1, 4, 2] * 4

    found = await output(wire, agent, {"numbers": numbers})

    squares = found["squares"] if agent == "sum" else found
    assert squares == [n**2 for n in numbers]


@pytest.mark.parametrize("agent", ["sum", "plain_sum"])
async def test_no_subtasks_at_all(wire: Wire, agent: str) -> None:
    found = await output(wire, agent, {"numbers": []})

    assert (found["squares"] if agent == "sum" else found) == []


async def test_a_subtask_is_a_task_of_its_parent(wire: Wire, new_id: str) -> None:
    about = {"user_id": "u", "session_id": "s", "tenant_id": "t", "priority": "high"}
    spawn = {"agent": "shower", "kind": "sync", "metadata": {"a": 1}, "session_id": "other"}

    found = await output(wire, "keyed", {"spawn": spawn}, id=new_id, **about)

    expected = {"id": f"{new_id}--1", "parent_id": new_id, "kind": "sync", "metadata": {"a": 1}, "life": 1}
    assert found == {"id": f"{new_id}--1", "output": [{**about, **expected, "session_id": "other"}]}


async def test_a_parent_that_is_tried_again_finds_its_subtasks(wire: Wire, new_id: str) -> None:
    found = await output(wire, "sum", {"numbers": [1, 2, 3], "fails": 2}, id=new_id)

    assert found == {"squares": [1, 4, 9], "ids": [f"{new_id}--{number}" for number in (1, 2, 3)], "attempt": 3}
    assert await children(wire, new_id) == found["ids"]
    for child in found["ids"]:
        assert names(await wire.stored(child)) == ["submitted", "routed", "assigned", "started", "completed"]


async def test_a_subtask_that_fails_fails_the_join(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": {"numbers": [1, -2, 3]}}, "sum")

    error = last(events, "failed").fields["error"]
    assert error == {
        "type": "SubtaskFailed",
        "message": f"subtask {new_id}--2 failed: ValueError: no square of -2",
    }
    assert await children(wire, new_id) == [f"{new_id}--{number}" for number in (1, 2, 3)]


async def test_a_handler_may_take_it_that_a_subtask_failed(wire: Wire) -> None:
    found = await output(wire, "keyed", {"value": {"n": -1}, "spawn": {"agent": "square", "key": "lonely"}})

    assert (found["status"], found["error"]) == ("failed", "ValueError")
    assert found["id"].endswith("--lonely")


async def test_a_subtask_that_is_cancelled_fails_the_join(wire: Wire, new_id: str) -> None:
    live = await wire.follow()
    spawn = {"agent": "square", "key": "slow"}
    await wire.publish(
        "callboard.submit.keyed", {"id": new_id, "input": {"value": {"n": 1, "seconds": 60}, "spawn": spawn}}
    )
    await live.until_all("started", 2)

    assert (await wire.ask("api.cancel", {"id": f"{new_id}--slow", "reason": "too slow"})).ok

    completed = last(await live.until("completed"), "completed").fields["output"]
    assert completed["status"] == "cancelled"
    assert completed["message"] == f"subtask {new_id}--slow cancelled: too slow"


async def test_a_join_that_takes_too_long(wire: Wire, new_id: str) -> None:
    value = {"numbers": [2], "seconds": 60, "timeout": 0.05}
    events = await wire.run({"id": new_id, "input": value, "max_attempts": 1}, "sum")

    error = {"type": "TimeoutError", "message": "1 subtasks have not ended after 0.05 s"}
    assert last(events, "failed").fields["error"] == error
    assert (await wire.ask("api.cancel", {"id": f"{new_id}--1"})).ok


@pytest.mark.parametrize(
    ("spawn", "kind", "wanted"),
    [
        ({"agent": "nobody"}, "InvalidValueError", "nobody"),
        ({"agent": "square", "key": "7"}, "MisuseError", "expected key to be a text that is no number"),
        ({"agent": "square", "id": "mine"}, "MisuseError", "expected no id for a subtask"),
        ({"agent": "square", "prio": 3}, "MisuseError", "prio"),
    ],
)
async def test_a_subtask_that_is_refused(wire: Wire, spawn: dict[str, Any], kind: str, wanted: str) -> None:
    events = await wire.run({"input": {"value": 1, "spawn": spawn}}, "keyed")

    failed = last(events, "attempt_failed").fields
    # An agent that nobody knows may be announced by the next attempt; all else is as wrong then.
    assert failed["retryable"] == (kind == "InvalidValueError")
    assert failed["error"]["type"] == kind
    assert wanted in failed["error"]["message"]


@pytest.mark.parametrize("agent", ["tree", "plain_tree"])
async def test_an_agent_with_one_place_whose_tasks_wait_for_each_other(wire: Wire, agent: str) -> None:
    assert await output(wire, agent, {"depth": 3, "width": 3}, timeout_seconds=60) == 1 + 3 + 9 + 27


@pytest.mark.parametrize("agent", ["tree", "plain_tree"])
async def test_more_parents_than_places_and_threads(wire: Wire, new_id: str, agent: str) -> None:
    live = await wire.follow()

    for number in range(60):
        body = {"id": f"{new_id}-{number}", "input": {"depth": 1, "width": 2}}
        await wire.publish(f"callboard.submit.{agent}", body)

    events = await live.until_all("completed", 180, 60)
    roots = [event for event in events if event.name == "completed" and "--" not in event.task_id]
    assert [event.fields["output"] for event in roots] == [3] * 60


@pytest.mark.parametrize("agent", ["hanging", "plain_hanging"])
async def test_a_cancelled_parent_takes_what_it_spawns_with_it(
    board: Running, wire: Wire, new_id: str, agent: str
) -> None:
    live = await wire.follow()
    await wire.publish(f"callboard.submit.{agent}", {"id": new_id, "input": {"depth": 3}})
    if agent == "plain_hanging":
        await logged(board, "plain_hanging begins", new_id)
    await live.until_all("started", 2)

    await wire.publish(f"callboard.cancel.{new_id}", {"reason": "enough"})

    await live.until("cancelled")
    await _all_over(wire, new_id)


async def _all_over(wire: Wire, root: str) -> None:
    """Wait until the task and all below it are cancelled."""
    answer = (await wire.ask("api.result", {"id": root, "wait_seconds": 20})).ok
    assert answer["status"] == "cancelled", answer
    for child in await children(wire, root):
        await _all_over(wire, child)


async def test_a_parent_in_a_new_life_gives_a_new_life_to_what_failed(wire: Wire, new_id: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.gatherer", {"id": new_id, "input": {"gate": str(gate)}})
    await live.until("failed")
    gate.touch()

    assert (await wire.ask("api.retry", {"id": new_id})).ok

    events: list[WireEvent] = await live.until("completed")
    assert last(events, "completed").fields["output"] == [2, 9]
    assert names(await wire.stored(f"{new_id}--1")).count("retried") == 1
    assert names(await wire.stored(f"{new_id}--2")).count("started") == 1
