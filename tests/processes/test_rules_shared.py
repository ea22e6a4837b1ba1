"""Rules of users where one process routes tasks, and another runs them."""

import asyncio
from pathlib import Path
from typing import Any

from tests.support.rulings import learned, rulings
from tests.support.troupe import Troupe
from tests.support.wire import Wire
from tests.support.wire_event import last, names

APP = Path(__file__).parents[1] / "data" / "rule_agents.py"
DESK = "orchestrator,scheduler,delivery,projector"
RULES = (learned("agent", "plain", intent="meeting"), learned("time", "15:00", intent="meeting"))
TASK: dict[str, Any] = {"kind": "meeting", "input": {"room": "blue"}, "user_id": "ada"}


async def outputs(wire: Wire, wanted: Any) -> None:
    """Submit one task after the other until ``wanted`` comes out of one: both processes have to hear of the rules."""
    async with asyncio.timeout(20):
        while last(await wire.run(TASK), "completed").fields["output"] != wanted:
            pass


async def test_each_process_knows_them_and_still_does_when_it_was_started_again(troupe: Troupe) -> None:
    troupe.start("desk", DESK, None)
    worker = troupe.start("worker", "specialist", APP)
    wire = await Wire.open(troupe.url)
    with rulings(troupe.url) as people:
        for rule in RULES:
            people.accept("ada", rule)
    wanted = {"agent": "plain", "room": "blue", "time": "15:00"}
    await outputs(wire, wanted)

    troupe.boards["desk"].kill()
    assert worker.stop() == 0
    troupe.start("other-desk", DESK, None)
    waiting = await wire.follow("waits")
    await wire.publish("callboard.submit", {**TASK, "id": "waits"})
    heard = await waiting.until("assigned")
    reason = last(heard, "routed").fields["reason"]
    assert reason.startswith(f"learned rule {RULES[0].id} of 'ada'")
    assert reason.endswith("no process serves it at present, so the task waits for one")

    troupe.start("other-worker", "specialist", APP)
    assert last(await waiting.until_over(), "completed").fields["output"] == wanted
    assert names(await wire.stored("waits"))[-1] == "completed"
    await wire.close()
