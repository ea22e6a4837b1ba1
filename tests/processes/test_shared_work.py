"""Processes with roles of their own share the work of one log, whichever of them is killed or frozen."""

from collections import Counter
from pathlib import Path

from tests.support.troupe import Troupe
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import last, names

TASKS = 300


async def test_each_role_in_a_process_of_its_own_makes_a_whole_callboard(troupe: Troupe) -> None:
    for role in ("orchestrator", "scheduler", "delivery", "projector"):
        troupe.start(role, role, None)
    troupe.start("specialist", "specialist")
    wire = await Wire.open(troupe.url)
    delivery = [{"channel": "log"}]

    body = {**troupe.submission("a"), "agent": "noter", "delivery": delivery}
    assert (await wire.ask("api.submit", body)).ok["id"] == "a"
    task = (await wire.ask("api.result", {"id": "a", "wait_seconds": 20})).ok
    assert task["status"] == "completed"
    events = await troupe.check()
    await wire.close()

    assert names(events.tasks["a"].events)[-1] == "delivered"
    assert [board.stop() for board in troupe.boards.values()] == [0] * 5


async def test_only_what_a_process_does_is_offered_and_stored_there(troupe: Troupe, tmp_path: Path) -> None:
    troupe.start("worker", "specialist")
    wire = await Wire.open(troupe.url)
    info = await wire.connection.request("$SRV.INFO.callboard", timeout=20)
    await wire.close()

    assert b"callboard.api" not in info.data
    assert b"callboard.query" not in info.data
    assert not (tmp_path / "worker" / "views.sqlite3").exists()


async def test_one_killed_and_one_frozen_of_three_lose_nothing(troupe: Troupe) -> None:
    killed, frozen, kept = (troupe.start(name) for name in ("killed", "frozen", "kept"))
    pids = {board.process.pid for board in troupe.boards.values()}
    work = [troupe.submission(f"task-{number}", seconds=0.05) for number in range(TASKS)]
    await troupe.submit("noter", *work[: TASKS // 2])
    await eventually(lambda: {one.pid for one in troupe.executions()} == pids, "all three are at work")

    await troupe.submit("plodder", troupe.submission("long", seconds=0.2))
    await troupe.submit("noter", *work[TASKS // 2 :])
    killed.kill()
    troupe.freeze("frozen")
    await eventually(lambda: len({one.task_id for one in troupe.executions()}) > TASKS // 2, "the third goes on")
    troupe.thaw("frozen")

    audit = await troupe.check()
    assert len(audit.tasks) == TASKS + 1
    assert Counter(task.status for task in audit.tasks.values()) == {"completed": TASKS + 1}
    assert [frozen.stop(), kept.stop()] == [0, 0]


async def test_what_a_frozen_process_did_late_changes_nothing(troupe: Troupe) -> None:
    troupe.start("desk", "orchestrator,projector,delivery,scheduler")
    troupe.start("frozen", "specialist")
    await troupe.submit("waiter", troupe.submission("a"))
    await eventually(lambda: len(troupe.executions()) == 1, "it runs")
    troupe.freeze("frozen")
    troupe.start("other", "specialist:waiter")
    await eventually(lambda: len(troupe.executions()) == 2, "the other runs it")
    troupe.go.touch()
    wire = await Wire.open(troupe.url)
    assert (await wire.ask("api.result", {"id": "a", "wait_seconds": 20})).ok["output"] == {"attempt": 2}
    await wire.close()

    troupe.thaw("frozen")

    events = (await troupe.check()).tasks["a"].events
    assert names(events).count("completed") == 1
    assert last(events, "attempt_failed").fields["error"]["type"] == "WorkerLost"
    assert [board.stop() for board in troupe.boards.values()] == [0, 0, 0]
