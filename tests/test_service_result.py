import asyncio
from pathlib import Path
from typing import Any

from tests.support.desk import Desk, serving, until
from tests.support.log_stretch import named
from tests.support.nats_server import NatsServer
from tests.support.task_story import QUEUED, RUNNING, assigned, cancelled, completed, failed, retried

LONG = 60.0


async def waiting(desk: Desk, task_id: str = "task-1", seconds: float = LONG) -> "asyncio.Task[Any]":
    """Return the request for a result, once the service waits for its task."""
    asked = asyncio.create_task(desk.ask("api.result", {"id": task_id, "wait_seconds": seconds}, timeout=LONG))
    await until(desk.runner.is_watched)
    return asked


async def test_a_result_comes_as_soon_as_the_task_ends(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*RUNNING)
        asked = await waiting(desk)
        await asyncio.to_thread(desk.store, completed())
        task = await asked
        assert (task["status"], task["output"], task["as_of_seq"]) == ("completed", {"answer": 42}, 5)


async def test_a_task_that_has_ended_is_answered_at_once(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*RUNNING, failed(5))
        task = await desk.ask("api.result", {"id": "task-1", "wait_seconds": LONG})
        assert (task["status"], task["error"]["type"]) == ("failed", "ValueError")


async def test_the_task_as_it_is_comes_when_the_wait_is_over(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*QUEUED)
        assert (await desk.ask("api.result", {"id": "task-1"}))["status"] == "assigned"
        assert (await desk.ask("api.result", {"id": "task-1", "wait_seconds": 0.01}))["status"] == "assigned"


async def test_one_who_waits_keeps_nobody_else_waiting(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*RUNNING, *named("other", [*RUNNING, completed()]))
        asked = await waiting(desk)
        assert (await desk.ask("api.result", {"id": "other", "wait_seconds": LONG}))["status"] == "completed"
        assert (await desk.ask("query.stats"))["total"] == 2
        assert not asked.done()
        desk.store(cancelled(5))
        assert (await asked)["status"] == "cancelled"


async def test_a_task_may_be_awaited_before_anybody_knows_it(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        asked = await waiting(desk, "soon")
        desk.store(*named("soon", [*RUNNING, completed()]))
        assert (await asked)["status"] == "completed"


async def test_a_task_that_only_the_log_has_so_far_is_found(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        behind = desk.append(*RUNNING)
        asked = await waiting(desk, seconds=0)
        desk.runner.apply(behind)
        assert (await asked)["status"] == "running"


async def test_an_end_that_the_log_has_left_behind_is_no_answer(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*RUNNING, cancelled(5))
        behind = desk.append(retried(6), assigned(7, life=2))
        asked = await waiting(desk)
        await desk.ask("query.stats")
        assert not asked.done()
        desk.runner.apply(behind)
        await desk.ask("query.task", {"id": "task-1", "min_seq": behind[-1].seq})
        assert not asked.done()
        desk.store(cancelled(8))
        task = await asked
        assert (task["status"], task["life"], task["seq"]) == ("cancelled", 2, 8)


async def test_a_result_reflects_the_sequence_that_is_asked_for(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*QUEUED)
        behind = desk.append(*named("other", QUEUED))
        asked = asyncio.create_task(desk.ask("api.result", {"id": "task-1", "min_seq": len(desk.log)}))
        await desk.ask("query.stats")
        assert not asked.done()
        desk.runner.apply(behind)
        assert (await asked)["as_of_seq"] == len(desk.log)


async def test_many_wait_and_each_gets_its_own(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        names = [f"task-{number}" for number in range(200)]
        asked = [asyncio.create_task(desk.ask("api.result", {"id": name, "wait_seconds": LONG})) for name in names]
        for name in names:
            desk.store(*named(name, [*RUNNING, completed()]))
        found = await asyncio.gather(*asked)
        assert [task["id"] for task in found] == names
        assert {task["status"] for task in found} == {"completed"}


async def test_who_waits_when_the_service_stops_is_told_so(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*QUEUED)
        asked = asyncio.create_task(desk.refused("api.result", {"id": "task-1", "wait_seconds": LONG}))
        await until(desk.runner.is_watched)
        await desk.service.stop()
        code, problem = await asked
        assert (code, problem["type"]) == ("503", "callboard:not_ready")
        assert not desk.runner.is_watched()
        await desk.service.stop()
