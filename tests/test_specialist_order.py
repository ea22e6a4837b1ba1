"""Attempts at one agent start in the order of the log, also when some of their letters come a second time."""

import threading
from pathlib import Path
from typing import Any

from callboard.actors.order import Order
from tests.support.executions import executions
from tests.support.nats_server import NatsServer
from tests.support.stage import stage
from tests.support.waiting import eventually
from tests.support.wire import Wire

SECONDS = 20.0


async def test_a_letter_that_comes_again_together_with_a_younger_one_goes_first(
    tmp_path: Path, fresh_nats_server: NatsServer
) -> None:
    with stage(tmp_path, fresh_nats_server) as running:
        wire = await Wire.open(fresh_nats_server.url)
        live = await wire.follow()
        specialist: Any = running.actor("specialist-loner")._actor_weakref()
        busy, free = threading.Event(), threading.Event()

        def wait_here(_state: object, _now: object) -> list[Any]:
            busy.set()
            assert free.wait(SECONDS)
            return []

        specialist.post(Order("nobody", wait_here, lambda _settled: None))
        await eventually(busy.is_set, "the actor is held up")
        await wire.publish("callboard.submit.loner", running.submission("older"))
        await eventually(lambda: len(specialist.inbox) == 1, "the older one has come")
        (older,) = specialist.inbox.take(1)
        await wire.publish("callboard.submit.loner", running.submission("younger"))
        await eventually(lambda: len(specialist.inbox) == 1, "the younger one has come")
        specialist.give_back([older])
        await eventually(lambda: len(specialist.inbox) == 2, "the older one has come again")
        running.go.touch()

        free.set()

        await live.until_all("completed", 2)
        await wire.close()
        assert [one.task_id for one in executions(running.notes)] == ["older", "younger"]
