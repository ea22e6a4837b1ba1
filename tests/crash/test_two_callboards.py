"""Two callboards that share a server's queues: one takes over from the other, and neither undoes what the other did."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.doomed import Doomed
from tests.support.executions import check_executions, executions
from tests.support.idle import check_idle_board
from tests.support.log_audit import LogAudit
from tests.support.nats_server import NatsServer
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import last, names

APP = Path(__file__).parents[1] / "data" / "noting_agents.py"
TASKS = 200


class Pair:
    """Callboards with directories of their own on one server."""

    def __init__(self, directory: Path, server: NatsServer) -> None:
        self.url, self.notes, self.go = server.url, directory / "notes", directory / "go"
        self._directory = directory
        self.boards: dict[str, Doomed] = {}

    def start(self, name: str) -> Doomed:
        options = ("--nats", self.url, "--app", str(APP), "--ack-wait", "2")
        board = Doomed(self._directory / name, self._directory / f"{name}.log", *options)
        self.boards[name] = board
        board.await_ready()
        return board

    def submission(self, task_id: str, **work: Any) -> dict[str, Any]:
        return {"id": task_id, "input": {"go": str(self.go), **work}, "metadata": {"notes": str(self.notes)}}

    async def attempt_runs(self, number: int) -> None:
        await eventually(
            lambda: [one.attempt for one in executions(self.notes)][-1:] == [number], f"attempt {number} runs"
        )

    async def check(self) -> LogAudit:
        """Check all that was done, once there is nothing left to do."""
        await check_idle_board(self.url)
        wire = await Wire.open(self.url)
        audit = await LogAudit.of(wire)
        await wire.close()
        check_executions(executions(self.notes), audit.tasks)
        return audit


@pytest.fixture
def pair(tmp_path: Path, fresh_nats_server: NatsServer) -> Iterator[Pair]:
    pair = Pair(tmp_path, fresh_nats_server)
    yield pair
    for board in pair.boards.values():
        if board.process.poll() is None:
            os.kill(board.process.pid, signal.SIGCONT)
        board.kill()


async def submit(pair: Pair, agent: str, *submissions: dict[str, Any]) -> None:
    wire = await Wire.open(pair.url)
    for submission in submissions:
        await wire.publish(f"callboard.submit.{agent}", submission)
    await wire.close()


async def test_a_worker_that_was_suspended_finds_its_task_taken(pair: Pair) -> None:
    first = pair.start("first")
    await submit(pair, "waiter", pair.submission("a"))
    await pair.attempt_runs(1)

    os.kill(first.process.pid, signal.SIGSTOP)
    pair.start("second")
    await pair.attempt_runs(2)
    wire = await Wire.open(pair.url)
    live = await wire.follow("a")
    pair.go.touch()
    await live.until("completed")
    await wire.close()
    os.kill(first.process.pid, signal.SIGCONT)

    events = (await pair.check()).tasks["a"].events
    assert last(events, "completed").fields["output"] == {"attempt": 2}
    assert names(events).count("completed") == 1
    assert last(events, "attempt_failed").fields["error"]["type"] == "WorkerLost"
    assert [board.stop() for board in pair.boards.values()] == [0, 0]


async def test_two_share_the_work_and_one_goes_on_when_the_other_is_killed(pair: Pair) -> None:
    first = pair.start("first")
    second = pair.start("second")
    await submit(pair, "noter", *(pair.submission(f"task-{number}", seconds=0.05) for number in range(TASKS)))
    pids = {first.process.pid, second.process.pid}
    await eventually(lambda: {one.pid for one in executions(pair.notes)} == pids, "both are at work")

    first.kill()

    audit = await pair.check()
    assert len(audit.tasks) == TASKS
    assert {task.status for task in audit.tasks.values()} == {"completed"}
    assert second.stop() == 0


async def test_both_may_take_submissions_of_the_same_id(pair: Pair) -> None:
    pair.start("first")
    pair.start("second")
    wire = await Wire.open(pair.url)
    bodies = [pair.submission(f"task-{number}") for number in range(50)]
    for body in bodies:
        await wire.publish("callboard.submit.noter", body)
        await wire.publish("callboard.submit.noter", body)
        assert (await wire.ask("api.submit", {**body, "agent": "noter"})).ok["id"] == body["id"]
    await wire.close()

    audit = await pair.check()
    assert len(audit.tasks) == 50
    assert len(executions(pair.notes)) == 50
