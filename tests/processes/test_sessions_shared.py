"""Sessions that two orchestrators keep, and whose handlers run in a process of their own."""

import json
from pathlib import Path

from tests.support.troupe import Troupe
from tests.support.wire import Wire
from tests.support.wire_event import last

APP = Path(__file__).parents[1] / "data" / "session_agents.py"
TURNS = 4


async def test_each_turn_hears_all_turns_before_it_whoever_wrote_them_down(troupe: Troupe) -> None:
    for name in ("one", "other"):
        troupe.start(name, "orchestrator,scheduler", None)
    troupe.start("worker", "specialist", APP)
    wire = await Wire.open(troupe.url)
    for number in range(1, TURNS + 1):
        events = await wire.run({"input": f"turn {number}", "session_id": "shared"}, "talker")
        heard = last(events, "completed").fields["output"]["heard"]
        assert [each for each in heard if each.startswith("user")] == [f"user: turn {n}" for n in range(1, number)]
        assert len(heard) == 2 * (number - 1)
    kept = await wire.kept("CALLBOARD_EVENTS", "callboard.events.session.shared.*.run_started")
    assert len({json.loads(each.data)["task_id"] for each in kept}) == TURNS
    await wire.close()
