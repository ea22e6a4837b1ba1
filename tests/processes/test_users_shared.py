"""Handlers in a process without views ask one that has them; without any they are told so."""

import asyncio
from pathlib import Path
from typing import Any

from tests.support.troupe import Troupe
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import last

APP = Path(__file__).parents[1] / "data" / "user_agents.py"
TTL = "0.2"


async def test_a_process_without_views_asks_one_that_has_them(troupe: Troupe) -> None:
    troupe.start("worker", "orchestrator,scheduler,specialist", APP, "--user-ttl", TTL)
    wire = await Wire.open(troupe.url)
    task = {"input": 1, "user_id": "ada"}

    error = last(await wire.run(task, "asker"), "failed").fields["error"]
    assert error["type"] == "LogUnavailableError"
    assert "expected a process with the role projector to tell within 5 s" in error["message"]
    assert "user 'ada'" in error["message"]

    troupe.start("views", "projector", None)
    asked = await wire.connection.subscribe("callboard.query.user")
    await wire.connection.flush()
    found: dict[str, Any] = last(await wire.run(task, "knower"), "completed").fields["output"]
    assert found["user"] == "ada"

    # What is known gets old: sooner or later somebody is asked again.
    seen = found["as_of"]
    async with asyncio.timeout(20):
        while found["as_of"] == seen:
            found = last(await wire.run(task, "knower"), "completed").fields["output"]
    assert found["as_of"] > seen
    await eventually(lambda: asked.pending_msgs >= 2, "both questions are heard")
    await wire.close()
