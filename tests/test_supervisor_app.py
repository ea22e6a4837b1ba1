"""Actors of a whole callboard that crash under load: each is started anew, and nothing is lost."""

from pathlib import Path

import pytest
import pytest_asyncio

from callboard.actors.supervisor import RestartsExhaustedError
from tests.support.executions import executions
from tests.support.fresh_server import stage_on_server, wire_to_server
from tests.support.idle import check_idle_board
from tests.support.nats_server import NatsServer
from tests.support.stage import Nonsense, Stage, stage
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import names

TASKS = 120
CRASHES = 3
ACTORS = ("projector", "delivery", "specialist-noter", "orchestrator")
DELIVERY = [{"channel": "stream", "subject": "results.here"}]
running = pytest.fixture(stage_on_server)
wire = pytest_asyncio.fixture(wire_to_server)


@pytest.mark.parametrize("name", ACTORS)
async def test_an_actor_that_crashes_loses_nothing(
    name: str, running: Stage, wire: Wire, fresh_nats_server: NatsServer
) -> None:
    live = await wire.follow()
    results: list[bytes] = []

    async def keep(message: object) -> None:
        results.append(message.data)  # type: ignore[attr-defined]

    await wire.connection.subscribe("results.here", cb=keep)
    for number in range(TASKS):
        body = running.submission(f"task-{number}", seconds=0.02) | {"delivery": DELIVERY, "max_attempts": 10}
        await wire.publish("callboard.submit.noter", body)
    for number in range(1, CRASHES + 1):
        await live.until_all("completed", number * TASKS // 10)
        await running.crash(name)

    await live.until_all("completed", TASKS)
    await check_idle_board(fresh_nats_server.url)
    await wire.connection.flush()
    assert len(set(results)) == TASKS
    assert [line["actor"] for line in running.lines.named("supervisor.restarting")] == [name] * CRASHES
    assert [line["actor"] for line in running.lines.named("actor.crashed")] == [name] * CRASHES
    assert running.given_up.empty()


async def test_what_an_actor_held_comes_again_at_once(running: Stage, wire: Wire) -> None:
    live = await wire.follow()
    await wire.publish("callboard.submit.waiter", running.submission("a"))
    await live.until("started")

    await running.crash("specialist-waiter")
    running.go.touch()

    # Long before the ack wait of 30 s is over.
    events = await live.until_over(seconds=10)
    assert names(events).count("started") == 2
    (failed,) = [event.fields["error"]["type"] for event in events if event.name == "attempt_failed"]
    assert failed == "WorkerLost"


@pytest.mark.parametrize("name", ACTORS)
async def test_an_actor_that_goes_on_crashing_is_given_up(
    name: str, tmp_path: Path, fresh_nats_server: NatsServer
) -> None:
    with stage(tmp_path, fresh_nats_server) as running:
        wire = await Wire.open(fresh_nats_server.url)
        await wire.publish("callboard.submit.waiter", running.submission("a"))
        for _ in range(5):
            await running.crash(name)
        running.actor(name).tell(Nonsense())

        error = running.given_up.get(timeout=20)

    assert isinstance(error, RestartsExhaustedError)
    assert name in str(error)
    assert running.lines.named("app.stopped")
    await eventually(running.given_up.empty, "nothing else is told")

    running.go.touch()
    with stage(tmp_path, fresh_nats_server) as again:
        await check_idle_board(fresh_nats_server.url)
        assert again.given_up.empty()
    await wire.close()


async def test_a_server_that_goes_and_comes_is_no_crash(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    with stage(tmp_path, fresh_nats_server, ack_wait_seconds=2) as board:
        wire = await Wire.open(fresh_nats_server.url)
        for number in range(TASKS):
            await wire.publish("callboard.submit.noter", board.submission(f"task-{number}", seconds=0.02))
        await wire.close()
        for count in (20, 60):
            await board.ran(count)
            fresh_nats_server.kill()
            fresh_nats_server.start()
        await check_idle_board(fresh_nats_server.url)

        assert len(executions(board.notes)) == TASKS
        assert board.lines.named("actor.crashed") == []
        assert board.given_up.empty()
