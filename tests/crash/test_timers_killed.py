"""Killed around the time at which tasks are due, all of it or the server alone: no timer is lost or doubled.

CRASH_SEED repeats the choices of a run.
"""

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.board_audit import defects
from tests.support.doomed import Doomed
from tests.support.executions import check_executions, executions
from tests.support.idle import until_idle
from tests.support.log_audit import LogAudit
from tests.support.nats_server import NatsServer
from tests.support.stage import stage
from tests.support.timers import in_seconds, over, timers
from tests.support.waiting import until
from tests.support.wire import Wire
from tests.support.wire_event import names

APP = Path(__file__).parents[1] / "data" / "noting_agents.py"
OPTIONS = ("--app", str(APP), "--ack-wait", "5")
TASKS = 300
KILLS = 5
SPREAD_SECONDS = 6.0
WAITED = ["submitted", "routed", "scheduled"]
DONE = ["assigned", "started", "completed"]


class Boards:
    """One callboard after the other on the same directory, each with a server of its own that dies with it."""

    def __init__(self, directory: Path) -> None:
        self.notes, self.log = directory / "notes", directory / "board.log"
        self._directory = directory / "board"
        self._running: Doomed | None = None

    def start(self) -> str:
        self._running = Doomed(self._directory, self.log, *OPTIONS)
        return self._running.await_ready()

    def kill(self, chance: random.Random | None = None) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.kill(chance)

    def stop(self) -> None:
        running, self._running = self._running, None
        assert running is not None
        assert running.stop() == 0

    def submission(self, task_id: str, **fields: Any) -> dict[str, Any]:
        return {"id": task_id, "input": {}, "metadata": {"notes": str(self.notes)}, **fields}

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines() if line[:1] == "{"]
        return [line for line in lines if line["event"] == event]


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[Boards]:
    boards = Boards(tmp_path)
    yield boards
    boards.kill()


async def submitted(url: str, *bodies: dict[str, Any]) -> None:
    wire = await Wire.open(url)
    await asyncio.gather(*(wire.publish("callboard.submit.noter", body) for body in bodies))
    await until_idle(wire)
    await wire.close()


async def audited(url: str, count: int) -> LogAudit:
    """Wait until so many tasks are over and return the audit of the whole log."""
    wire = await Wire.open(url)
    try:
        return await over(wire, count)
    finally:
        await wire.close()


def pause_until(moment: float) -> None:
    """Let time pass that nobody announces: the server's clock has to get there."""
    until(lambda: time.time() >= moment, "that time has come", 60)


async def test_what_came_due_while_everything_was_down_runs_and_what_expired_does_not(boards: Boards) -> None:
    began = time.time()
    await submitted(
        boards.start(),
        boards.submission("due", scheduled_for=in_seconds(1)),
        boards.submission("later", scheduled_for=in_seconds(12)),
        boards.submission("overdue", scheduled_for=in_seconds(1), expires_at=in_seconds(2)),
        boards.submission("expired", scheduled_for=in_seconds(3600), expires_at=in_seconds(1)),
    )
    boards.kill()
    pause_until(began + 4)

    audit = await audited(boards.start(), 4)

    found = {task_id: names(task.events) for task_id, task in audit.tasks.items()}
    assert found == {
        "due": [*WAITED, *DONE],
        "later": [*WAITED, *DONE],
        "overdue": [*WAITED, "expired"],
        "expired": [*WAITED, "expired"],
    }
    assert {one.task_id for one in executions(boards.notes)} == {"due", "later"}
    assert all(line["mended"] == 0 for line in boards.logged("scheduler.reconciled"))


async def test_killed_again_and_again_while_tasks_come_due(boards: Boards) -> None:
    seed = int(os.environ.get("CRASH_SEED") or random.randrange(2**32))
    print(f"CRASH_SEED={seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)
    url = boards.start()
    begin = 4.0
    bodies = [
        boards.submission(f"task-{number}", scheduled_for=in_seconds(begin + SPREAD_SECONDS * number / TASKS))
        for number in range(TASKS)
    ]
    first = time.time() + begin
    await submitted(url, *bodies)

    for number in range(KILLS):
        pause_until(first + SPREAD_SECONDS * (number + chance.random()) / KILLS)
        boards.kill(chance)
        url = boards.start()
    audit = await audited(url, TASKS)

    check_executions(executions(boards.notes), audit.tasks)
    for task in audit.tasks.values():
        assert names(task.events)[:4] == [*WAITED, "assigned"]
        assert Counter(names(task.events))["completed"] == 1
    boards.kill()
    assert defects(boards.log.read_text(encoding="utf-8")) == []


async def test_only_the_server_is_killed(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    with stage(tmp_path, fresh_nats_server, ack_wait_seconds=5.0) as running:
        bodies = [
            {**running.submission(f"task-{number}"), "scheduled_for": in_seconds(2 + number / 50)}
            for number in range(100)
        ]
        await submitted(fresh_nats_server.url, *bodies)
        for _ in range(3):
            await running.ran(len(executions(running.notes)))
            fresh_nats_server.kill()
            fresh_nats_server.start()

        audit = await audited(fresh_nats_server.url, 100)

        check_executions(executions(running.notes), audit.tasks)
        # At the start, and behind a reconnect.
        assert len(running.lines.named("scheduler.reconciled")) > 1
    assert all(Counter(names(task.events))["completed"] == 1 for task in audit.tasks.values())


async def test_timers_that_were_lost_are_set_again(boards: Boards) -> None:
    url = boards.start()
    bodies = [boards.submission(f"task-{number}", scheduled_for=in_seconds(9)) for number in range(20)]
    await submitted(url, *bodies, boards.submission("expiring", scheduled_for=in_seconds(99), expires_at=in_seconds(9)))
    wire = await Wire.open(url)
    assert len(await timers(wire)) == 22
    await wire.js.purge_stream("CALLBOARD_TIMERS")
    await wire.close()
    # In order, so that the server knows what was acknowledged: the rest would be the scheduler's to set again.
    boards.stop()

    audit = await audited(boards.start(), 21)

    assert boards.logged("scheduler.reconciled")[-1]["mended"] == 22
    assert names(audit.tasks["expiring"].events) == [*WAITED, "expired"]
    assert all(names(audit.tasks[f"task-{number}"].events) == [*WAITED, *DONE] for number in range(20))
