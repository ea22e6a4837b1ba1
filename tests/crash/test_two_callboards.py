"""Two callboards that share a server's queues: one takes over from the other, and neither undoes what the other did."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.executions import executions
from tests.support.nats_server import NatsServer
from tests.support.pair import Pair, pair_on
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import last, names

TASKS = 200


@pytest.fixture
def pair(tmp_path: Path, fresh_nats_server: NatsServer) -> Iterator[Pair]:
    with pair_on(tmp_path, fresh_nats_server) as pair:
        yield pair


async def test_a_worker_that_was_suspended_finds_its_task_taken(pair: Pair) -> None:
    first = pair.start("first")
    await pair.submit("waiter", pair.submission("a"))
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
    await pair.submit("noter", *(pair.submission(f"task-{number}", seconds=0.05) for number in range(TASKS)))
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
