"""Leases: a worker that is killed or frozen loses its tasks to another within the ack wait, and changes none after."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.consumer import until_holding
from tests.support.doomed import Doomed
from tests.support.executions import executions
from tests.support.nats_server import NatsServer
from tests.support.pair import ACK_WAIT_SECONDS, Pair, pair_on
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import last, names

SLACK_SECONDS = 1.5
"""What a busy machine takes to notice and to start."""

WAITING = 8


@pytest.fixture
def pair(tmp_path: Path, fresh_nats_server: NatsServer) -> Iterator[Pair]:
    with pair_on(tmp_path, fresh_nats_server) as pair:
        yield pair


async def runs_at(pair: Pair, task_id: str, board: Doomed) -> None:
    """Wait until a handler of ``board`` has the task."""
    wanted = (task_id, board.process.pid)
    await eventually(
        lambda: wanted in [(one.task_id, one.pid) for one in executions(pair.notes)], f"{task_id} runs at {wanted[1]}"
    )


async def test_what_a_killed_worker_had_is_taken_within_the_ack_wait(pair: Pair) -> None:
    first = pair.start("first")
    await pair.submit("waiter", pair.submission("a"))
    await runs_at(pair, "a", first)
    second = pair.start("second")

    first.kill()
    killed = time.monotonic()
    await runs_at(pair, "a", second)

    assert time.monotonic() - killed < ACK_WAIT_SECONDS + SLACK_SECONDS
    pair.go.touch()
    events = (await pair.check()).tasks["a"].events
    assert last(events, "attempt_failed").fields["error"]["type"] == "WorkerLost"
    assert last(events, "completed").fields["output"] == {"attempt": 2}


async def test_an_attempt_is_known_to_be_lost_though_the_survivor_has_no_free_place(pair: Pair) -> None:
    second = pair.start("second")
    await pair.submit("loner", pair.submission("a"))
    await runs_at(pair, "a", second)
    first = pair.start("first")
    # The server hands them out in turn, so that some come to the one that has a free place.
    await pair.submit("loner", *[pair.submission(f"task-{number}") for number in range(WAITING)])
    await eventually(lambda: executions(pair.notes)[-1].pid == first.process.pid, "one runs at the first")
    task_id = executions(pair.notes)[-1].task_id
    wire = await Wire.open(pair.url)
    live = await wire.follow()

    first.kill()
    killed = time.monotonic()
    await live.until_count(
        lambda event: (event.task_id, event.name) == (task_id, "attempt_failed"), 1, "it is lost", 20
    )

    assert time.monotonic() - killed < ACK_WAIT_SECONDS + SLACK_SECONDS
    assert [one.task_id for one in executions(pair.notes)] == ["a", task_id]
    await wire.close()
    pair.go.touch()
    audit = await pair.check()
    assert {task.status for task in audit.tasks.values()} == {"completed"}
    assert last(audit.tasks[task_id].events, "attempt_failed").fields["error"]["type"] == "WorkerLost"
    assert last(audit.tasks[task_id].events, "completed").fields["output"] == {"attempt": 2}


async def test_a_frozen_worker_that_wakes_finds_its_task_taken_and_stops_its_handler(pair: Pair) -> None:
    first = pair.start("first")
    await pair.submit("loner", pair.submission("a"))
    await runs_at(pair, "a", first)
    second = pair.start("second")

    os.kill(first.process.pid, signal.SIGSTOP)
    frozen = time.monotonic()
    await runs_at(pair, "a", second)
    assert time.monotonic() - frozen < ACK_WAIT_SECONDS + SLACK_SECONDS
    os.kill(first.process.pid, signal.SIGCONT)

    await eventually(lambda: "told to stop" in pair.log("first"), "the handler that lost its task is told to stop")
    pair.go.touch()
    events = (await pair.check()).tasks["a"].events
    assert names(events).count("started") == 2
    assert last(events, "completed").fields["output"] == {"attempt": 2}
    assert [board.stop() for board in pair.boards.values()] == [0, 0]


async def test_a_frozen_worker_that_wakes_leaves_alone_what_waited_there_for_a_place(pair: Pair) -> None:
    gates = {f"task-{number}": pair.directory / f"go-{number}" for number in range(WAITING)}
    submissions = [{**pair.submission(name), "input": {"go": str(gate)}} for name, gate in gates.items()]
    first = pair.start("first")
    await pair.submit("loner", *submissions)
    await runs_at(pair, "task-0", first)
    wire = await Wire.open(pair.url)
    await until_holding(wire, "CALLBOARD_EVENTS", "specialist-loner-normal", WAITING)
    live = await wire.follow()
    pair.start("second")
    os.kill(first.process.pid, signal.SIGSTOP)
    await live.until_count(
        lambda event: event.name == "started" and event.task_id != "task-0", 1, "another one runs at the second", 20
    )

    os.kill(first.process.pid, signal.SIGCONT)

    await eventually(lambda: "mailbox.leases_lapsed" in pair.log("first"), "what it held is let go of")
    await wire.close()
    # If nobody has taken what ran there, it may go on; either way its place is free soon.
    gates["task-0"].touch()
    await eventually(lambda: "place is free" in pair.log("first"), "the frozen one has a free place")
    for gate in gates.values():
        gate.touch()
    audit = await pair.check()
    assert audit.tasks.pop("task-0").status == "completed"
    for task_id, task in audit.tasks.items():
        assert names(task.events)[-4:] == ["routed", "assigned", "started", "completed"], task_id
    assert [board.stop() for board in pair.boards.values()] == [0, 0]


async def test_a_task_that_ends_its_worker_every_time_fails_after_its_attempts(pair: Pair) -> None:
    attempts = 3
    for number in range(attempts):
        board = pair.start_unready(f"board-{number}")
        if not number:
            board.await_ready()
            await pair.submit("killer", {**pair.submission("a"), "max_attempts": attempts})
        assert board.wait() == 9

    pair.start("last")

    events = (await pair.check()).tasks["a"].events
    failed = last(events, "failed").fields
    assert failed["attempts"] == attempts
    assert failed["error"]["type"] == "WorkerLost"
    assert "3 of 3 attempts ended so" in failed["error"]["message"]
    assert [one.attempt for one in executions(pair.notes)] == [1, 2, 3]
