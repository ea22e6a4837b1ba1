"""Rules that people accept and reject while callboard runs: what becomes of the tasks of their users."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.board_audit import defects
from tests.support.rulings import Rulings, learned, rulings
from tests.support.running import Running
from tests.support.wire import Wire
from tests.support.wire_event import last

APP = Path(__file__).parent / "data" / "rule_agents.py"
PATIENCE_SECONDS = 20
AT_THREE = learned("time", "15:00", intent="meeting")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("board"), "--port", "0", "--app", str(APP))
    try:
        yield running
        assert running.stop() == 0
        assert defects(running.log) == []
    finally:
        running.kill()


@pytest.fixture(scope="module")
def people(board: Running) -> Iterator[Rulings]:
    with rulings(board.url) as people:
        yield people


@pytest_asyncio.fixture
async def wire(board: Running) -> AsyncIterator[Wire]:
    client = await Wire.open(board.url)
    yield client
    await client.close()


async def done(wire: Wire, user_id: str, agent: str | None = None, **fields: Any) -> tuple[dict[str, Any], Any]:
    """Submit a task, and return how it was routed and what came out."""
    events = await wire.run({"input": {}, "kind": "meeting", "user_id": user_id, **fields}, agent)
    return last(events, "routed").fields, last(events, "completed").fields["output"]


async def until_done(wire: Wire, user_id: str, wanted: Any, agent: str | None = None) -> dict[str, Any]:
    """Submit one task after the other until ``wanted`` comes out of one; return how that one was routed."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            route, found = await done(wire, user_id, agent)
            if found == wanted:
                return route


async def test_the_next_task_with_that_intent_goes_where_the_accepted_rule_says(wire: Wire, people: Rulings) -> None:
    before, _ = await done(wire, "ada")
    assert (before["agent"], before["reason"]) == ("meetings", "'meeting' is one of its kinds")
    rule = learned("agent", "plain", intent="meeting")
    people.accept("ada", rule)

    route = await until_done(wire, "ada", {"agent": "plain"})
    others = [await done(wire, "bob"), await done(wire, "ada", kind="party"), await done(wire, "ada", "desk")]

    reason = f"learned rule {rule.id} of 'ada': {rule.text}"
    said = {"method": "rule", "confidence": 0.9, "intent": "meeting", "reason": reason}
    assert {name: route[name] for name in said} == said
    assert [each["agent"] for each, _ in others] == ["meetings", "desk", "desk"]
    assert others[-1][0]["method"] == "explicit"

    people.reject("ada", rule)

    assert (await until_done(wire, "ada", {"agent": "meetings"}))["reason"] == before["reason"]


async def test_the_rule_accepted_last_takes_the_place_of_the_one_before(wire: Wire, people: Rulings) -> None:
    people.accept("eve", learned("agent", "plain", intent="meeting"))
    await until_done(wire, "eve", {"agent": "plain"})

    people.accept("eve", learned("agent", "desk", intent="meeting"))

    await until_done(wire, "eve", {"agent": "desk"})


@pytest.mark.parametrize("agent", ["meetings", "plain", "alone"], ids=["async", "sync", "isolated"])
async def test_a_handler_sees_what_holds_for_its_task(wire: Wire, people: Rulings, agent: str) -> None:
    user_id = f"user of {agent}"
    at_four = learned("time", "16:00", intent="meeting", room="blue", support=5)
    for rule in (AT_THREE, at_four, learned("agent", "desk", intent="meeting")):
        people.accept(user_id, rule)

    await until_done(wire, user_id, {"agent": agent, "time": "15:00"}, agent)

    for given, wanted in (({"room": "blue"}, "16:00"), ({"time": "8:00"}, "8:00"), ({"room": "red"}, "15:00")):
        _, found = await done(wire, user_id, agent, input=given)
        assert found == {"agent": agent, **given, "time": wanted}
    _, other = await done(wire, user_id, agent, kind="party")
    assert other == {"agent": agent}
    people.reject(user_id, AT_THREE)
    await until_done(wire, user_id, {"agent": agent}, agent)


async def test_a_user_of_any_name_has_rules(wire: Wire, people: Rulings) -> None:
    name = "ж. of *.>" + "ж" * 200
    people.accept(name, AT_THREE)
    await until_done(wire, name, {"agent": "meetings", "time": "15:00"})
