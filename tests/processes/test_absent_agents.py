"""Agents that were announced and are served by nobody now: their tasks wait, until they are back or forgotten."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import callboard
from tests.support.troupe import Troupe
from tests.support.wire import Wire
from tests.support.wire_event import last, names

APP = Path(__file__).parents[1] / "data" / "noting_agents.py"
DESK = "orchestrator,scheduler,delivery,projector"
ROUTED = """
from callboard import Task, specialist

@specialist("{name}", keywords={keywords}, kinds={kinds}, fallback={fallback}, retry_base_seconds=0)
def agent(task: Task) -> str:
    return "{name}"
"""


def app(directory: Path, name: str, keywords: str = "[]", kinds: str = "[]", *, fallback: bool = False) -> Path:
    """Write an app of one agent that answers with its name."""
    path = directory / f"{name}.py"
    path.write_text(ROUTED.format(name=name, keywords=keywords, kinds=kinds, fallback=fallback), encoding="utf-8")
    return path


async def agents(wire: Wire) -> dict[str, int]:
    """Return how many processes serve each agent."""
    return {one["agent"]: one["processes"] for one in (await wire.ask("query.agents", {})).ok["agents"]}


async def result(wire: Wire, task_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await wire.ask("api.result", {"id": task_id, "wait_seconds": 20})).ok
    return answer


async def test_a_task_for_an_agent_that_is_being_replaced_waits_for_it(troupe: Troupe) -> None:
    troupe.start("desk", DESK, None)
    worker = troupe.start("old", "specialist:noter")
    await troupe.submit("noter", troupe.submission("before"))
    await troupe.check()
    assert worker.stop() == 0
    await troupe.logged("desk", "presence.left")

    wire = await Wire.open(troupe.url)
    assert (await wire.ask("api.submit", {**troupe.submission("between"), "agent": "noter"})).ok
    assert await agents(wire) == {"noter": 0}
    troupe.start("new", "specialist:noter")

    assert (await result(wire, "between"))["status"] == "completed"
    assert await agents(wire) == {"noter": 1}
    await wire.close()
    assert [task.status for task in (await troupe.check()).tasks.values()] == ["completed"] * 2


async def test_nobody_waits_for_an_agent_that_was_never_announced(troupe: Troupe) -> None:
    troupe.start("desk", DESK, APP)
    wire = await Wire.open(troupe.url)

    refused = await wire.ask("api.submit", {**troupe.submission("a"), "agent": "noter"})

    refused.error(400, "agent")
    await wire.close()


async def test_a_better_agent_that_is_away_is_waited_for_and_the_fallback_is_not_asked(
    troupe: Troupe, tmp_path: Path
) -> None:
    troupe.start("desk", "orchestrator,projector", None)
    troupe.start("fallback", "specialist", app(tmp_path, "anything", fallback=True))
    billing = app(tmp_path, "billing", keywords="['invoice']")
    troupe.start("billing", "specialist", billing).stop()
    await troupe.logged("desk", "presence.left")

    await troupe.submit(None, {"id": "a", "input": "an invoice"}, {"id": "b", "input": "something else"})

    wire = await Wire.open(troupe.url)
    assert (await result(wire, "b"))["output"] == "anything"
    routed = last(await wire.stored("a"), "routed").fields
    assert routed["agent"] == "billing"
    assert routed["reason"].endswith("no process serves it at present, so the task waits for one")
    assert names(await wire.stored("a"))[-1] == "assigned"
    troupe.start("billing-again", "specialist", billing)
    assert (await result(wire, "a"))["output"] == "billing"
    await wire.close()


async def test_a_present_agent_is_preferred_to_an_equal_one_that_is_away(troupe: Troupe, tmp_path: Path) -> None:
    troupe.start("desk", "orchestrator,projector", None)
    troupe.start("a", "specialist", app(tmp_path, "a", kinds="['refund']")).stop()
    await troupe.logged("desk", "presence.left")
    troupe.start("b", "specialist", app(tmp_path, "b", kinds="['refund']"))

    await troupe.submit(None, {"id": "x", "kind": "refund", "input": ""})

    wire = await Wire.open(troupe.url)
    assert (await result(wire, "x"))["output"] == "b"
    await wire.close()


@pytest.mark.parametrize("end", ["killed", "frozen"])
async def test_a_process_that_falls_silent_has_lapsed_after_six_seconds(troupe: Troupe, end: str) -> None:
    troupe.start("desk", DESK, None)
    worker = troupe.start("worker", "specialist:noter")
    wire = await Wire.open(troupe.url)
    assert await agents(wire) == {"noter": 1}

    worker.kill() if end == "killed" else troupe.freeze("worker")
    await troupe.logged("desk", "presence.lapsed")
    assert await agents(wire) == {"noter": 0}
    if end == "frozen":
        troupe.thaw("worker")
        await troupe.submit("noter", troupe.submission("a"))
        assert (await result(wire, "a"))["status"] == "completed"
    await wire.close()


async def test_an_agent_that_is_forgotten_is_refused_until_it_is_back(troupe: Troupe) -> None:
    troupe.start("desk", DESK, None)
    worker = troupe.start("worker", "specialist:noter")
    where = ("--nats", troupe.url)
    refused = callboard("agents", "forget", "noter", *where)
    assert refused.code == 1
    assert "agent noter is served by 1" in refused.err
    worker.stop()
    await troupe.logged("desk", "presence.left")
    assert "absent" in callboard("agents", *where).out

    assert callboard("agents", "forget", "noter", *where).code == 0

    assert callboard("agents", "forget", "noter", *where).code == 1
    assert "noter" not in callboard("agents", *where).out
    wire = await Wire.open(troupe.url)
    body = {**troupe.submission("a"), "agent": "noter"}
    (await wire.ask("api.submit", body)).error(400, "agent")
    troupe.start("again", "specialist:noter")
    assert (await wire.ask("api.submit", body)).ok
    assert (await result(wire, "a"))["status"] == "completed"
    kept = await wire.kept("CALLBOARD_EVENTS", "callboard.events.agent.noter.>")
    await wire.close()
    assert [one.subject.rpartition(".")[2] for one in kept] == ["announced", "forgotten", "announced"]


async def test_an_agent_is_announced_once_and_again_when_it_has_changed(troupe: Troupe, tmp_path: Path) -> None:
    troupe.start("one", "specialist", app(tmp_path, "billing", keywords="['invoice']")).stop()
    troupe.start("two", "specialist", app(tmp_path, "billing", keywords="['invoice']"))
    troupe.start("three", "specialist", app(tmp_path, "billing", keywords="['invoice', 'refund']"))

    wire = await Wire.open(troupe.url)
    kept = await wire.kept("CALLBOARD_EVENTS", "callboard.events.agent.>")
    await wire.close()
    assert [one.subject for one in kept] == [f"callboard.events.agent.billing.{n}.announced" for n in (1, 2)]
    assert [json.loads(one.data)["keywords"] for one in kept] == [["invoice"], ["invoice", "refund"]]
