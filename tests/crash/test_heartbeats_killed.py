"""Heartbeats under fire: killed at any moment, server included, and shared by two callboards."""

import itertools
import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.support.beating import beats, set_and_taken, submitted, timers
from tests.support.doomed import Doomed
from tests.support.log_audit import LogAudit
from tests.support.nats_server import NatsServer
from tests.support.running import Running
from tests.support.wire import Wire

APP = Path(__file__).parents[1] / "data" / "heartbeat_agents.py"
SECOND = timedelta(seconds=1)
BUSY = {"agent": "pulse", "input": 1, "every_seconds": 1.0, "overlap": "allow"}


@pytest.fixture
def doomed() -> Iterator[list[Doomed]]:
    running: list[Doomed] = []
    yield running
    for each in running:
        each.kill()


@pytest.fixture
def pair(nats_server: NatsServer, tmp_path: Path) -> Iterator[list[Running]]:
    """Two callboards on one server."""
    running = [
        Running(tmp_path / name, "--nats", nats_server.url, "--app", str(APP), "--grace", "1", "--ack-wait", "2")
        for name in ("one", "other")
    ]
    yield running
    for each in running:
        each.kill()


def due_times(tasks: list[dict[str, str]]) -> list[datetime]:
    return [datetime.fromisoformat(body["scheduled_for"]) for body in tasks]


async def test_killed_time_after_time_every_fire_is_one_task_and_it_goes_on(
    tmp_path: Path, doomed: list[Doomed]
) -> None:
    chance, count = random.Random(7), 0
    since: datetime | None = None
    for number in range(5):
        doomed.append(Doomed(tmp_path / "board", tmp_path / "board.log", "--app", str(APP)))
        wire = await Wire.open(doomed[-1].await_ready())
        if since is None:
            since = datetime.fromisoformat((await set_and_taken(wire, "hit", **BUSY))["set_at"])
        tasks = await beats(wire, "hit", count + 1 + number % 2)
        assert len({task.task_id for task in tasks}) == len(tasks)
        assert len(await timers(wire, "hit")) <= 1
        count = len(tasks)
        await wire.close()
        doomed[-1].outlives(chance.uniform(0, 1.2))
        doomed[-1].kill(chance)

    doomed.append(Doomed(tmp_path / "board", tmp_path / "board.log", "--app", str(APP)))
    wire = await Wire.open(doomed[-1].await_ready())
    tasks = await beats(wire, "hit", count + 2)
    times = due_times([task.body for task in tasks])
    assert times == sorted(set(times))
    assert since is not None
    assert all((time - since) % SECOND == timedelta(0) for time in times)
    await wire.publish("callboard.heartbeat.hit", b"")
    await LogAudit.of(wire)
    await wire.close()


async def test_two_callboards_share_heartbeats_and_either_may_be_killed(
    nats_server: NatsServer, pair: list[Running]
) -> None:
    wire = await Wire.open(nats_server.url)
    for number in range(10):
        await wire.publish("callboard.heartbeat.shared", {**BUSY, "input": number})
    await set_and_taken(wire, "shared", **BUSY)
    before = await beats(wire, "shared", 3)
    pair[0].kill()
    tasks = await beats(wire, "shared", len(before) + 4)
    await wire.publish("callboard.heartbeat.shared", b"")
    await wire.close()

    times = due_times([task.body for task in tasks if task.fields["input"] == 1])
    assert times == sorted(set(times))
    assert max(later - time for time, later in itertools.pairwise(times)) < timedelta(seconds=8)


async def test_of_many_definitions_the_last_one_holds_whoever_took_them(
    nats_server: NatsServer, pair: list[Running]
) -> None:
    wire = await Wire.open(nats_server.url)
    last = {"agent": "pulse", "input": "last", "every_seconds": 86_400.0}
    for number in range(30):
        await wire.publish("callboard.heartbeat.many", {**last, "input": number})
    found = await set_and_taken(wire, "many", **last)
    events = await wire.kept("CALLBOARD_EVENTS", "callboard.events.heartbeat.many.>")
    places = [int(json.loads(each.data)["by"].rpartition("-")[2]) for each in events]

    assert all(each.process.poll() is None for each in pair)
    assert places == sorted(places)
    assert found["version"] == len(events)
    (timer,) = [each for each in await timers(wire, "many") if each.subject.endswith(f".{found['version']}")]
    assert timer.headers["Nats-Schedule"] == f"@at {found['next_fire']}"
    assert await submitted(wire, "many") == []
    await wire.close()
