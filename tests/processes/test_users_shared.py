"""Handlers in a process without views ask one that has them; without any they are told so."""

from datetime import datetime
from pathlib import Path
from typing import Any

from callboard.knowing import ASK_SECONDS
from tests.support.troupe import Troupe
from tests.support.wire import Wire
from tests.support.wire_event import last

APP = Path(__file__).parents[1] / "data" / "user_agents.py"


async def test_a_process_without_views_asks_one_that_has_them(troupe: Troupe) -> None:
    troupe.start("worker", "orchestrator,scheduler,specialist", APP)
    wire = await Wire.open(troupe.url)
    task = {"input": 1, "user_id": "ada"}
    live = await wire.follow("second")
    await wire.publish("callboard.submit.knower", {"id": "second", "input": 1, "user_id": "eve"})

    events = await wire.run(task, "asker")
    error = last(events, "failed").fields["error"]
    assert error["type"] == "LogUnavailableError"
    assert f"expected a process with the role projector to tell within {ASK_SECONDS:g} s" in error["message"]
    assert "user 'ada'" in error["message"]
    begun, ended = (datetime.fromisoformat(last(events, name).body["at"]) for name in ("started", "failed"))
    assert (ended - begun).total_seconds() > ASK_SECONDS - 1

    # It fails like any other attempt, and a later one finds somebody.
    failed = last(await live.until("attempt_failed"), "attempt_failed").fields
    assert failed["error"]["type"] == "LogUnavailableError"
    troupe.start("views", "projector", None)
    events = await live.until("completed")
    found: dict[str, Any] = last(events, "completed").fields["output"]
    assert (found["user"], found["open"]) == ("eve", 0)
    assert last(events, "started").fields["attempt"] > 1
    await wire.close()
