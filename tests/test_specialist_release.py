"""A specialist that hands back what still runs keeps what has already come to its end."""

from pathlib import Path
from typing import Any

from callboard.actors.specialist import Release
from tests.support.nats_server import NatsServer
from tests.support.stage import stage
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import names


async def test_a_result_that_waits_to_be_stored_is_not_thrown_away(
    tmp_path: Path, fresh_nats_server: NatsServer
) -> None:
    gates = {name: tmp_path / name for name in ("first", "second")}
    with stage(tmp_path, fresh_nats_server) as running:
        wire = await Wire.open(fresh_nats_server.url)
        live = await wire.follow()
        for name, gate in gates.items():
            await wire.publish("callboard.submit.waiter", running.submission(name, go=str(gate)))
        await live.until_all("started", 2)
        ref = running.actor("specialist-waiter")
        specialist: Any = ref._actor_weakref()
        fresh_nats_server.suspend()
        gates["first"].touch()
        first = specialist._runs["first"]
        # Its start is heard before whoever started it has noted what runs.
        await eventually(lambda: first.running and first.running.over and not specialist.inbox, "the first is stored")
        gates["second"].touch()
        await eventually(lambda: len(specialist.inbox), "the second waits for its turn")

        ref.ask(Release("the end is near"), block=False)
        fresh_nats_server.resume()

        await live.until_all("completed", 2)
        await wire.close()
        assert "attempt_failed" not in names(live.events)
