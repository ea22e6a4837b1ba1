"""`callboard up` told to stop: it takes no more work, finishes what it can, and hands the rest back."""

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.board_audit import defects
from tests.support.consumer import until_unattended
from tests.support.doomed import Doomed, session
from tests.support.executions import check_executions, executions
from tests.support.idle import check_idle_board
from tests.support.log_audit import LogAudit
from tests.support.nats_server import NatsServer
from tests.support.processes import alive
from tests.support.receiver import Receiver, Request, answering
from tests.support.task_history import TaskHistory
from tests.support.waiting import eventually, until
from tests.support.wire import Wire

APP = Path(__file__).parent / "data" / "noting_agents.py"
TASKS = 300
AT_ONCE_SECONDS = 5.0
SIGNALS = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}


class Place:
    """A directory on which one callboard after the other is started."""

    def __init__(self, path: Path) -> None:
        self.notes, self.go, self.log = path / "notes", path / "go", path / "board.log"
        self._directory = path / "board"
        self.boards: list[Doomed] = []

    def start(self, *arguments: str) -> Doomed:
        board = Doomed(self._directory, self.log, "--app", str(APP), *arguments)
        self.boards.append(board)
        board.await_ready()
        return board

    def kill(self) -> None:
        for board in self.boards:
            board.kill()

    def submission(self, task_id: str, **work: Any) -> dict[str, Any]:
        return {"id": task_id, "input": {"go": str(self.go), **work}, "metadata": {"notes": str(self.notes)}}

    def running(self) -> list[str]:
        return [one.task_id for one in executions(self.notes)]

    def stopping_at(self) -> datetime:
        """Return when callboard said for the first time that it stops."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{") and "app.stopping" in line]
        return datetime.fromisoformat(json.loads(lines[0])["timestamp"])

    def logged(self, event: str) -> bool:
        return f'"event":"{event}"' in self.log.read_text().replace('": "', '":"')


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.kill()


@pytest.fixture
def board(place: Place) -> Doomed:
    return place.start("--grace", "1")


@pytest_asyncio.fixture
async def wire(board: Doomed) -> AsyncIterator[Wire]:
    wire = await Wire.open(board.url)
    yield wire
    await wire.close()


async def histories(board: Doomed) -> dict[str, TaskHistory]:
    wire = await Wire.open(board.url)
    try:
        return (await LogAudit.of(wire)).tasks
    finally:
        await wire.close()


def count(tasks: dict[str, TaskHistory], name: str) -> Counter[str]:
    return Counter(task_id for task_id, task in tasks.items() for event in task.events if event.name == name)


@pytest.mark.parametrize("number", SIGNALS.values(), ids=SIGNALS.keys())
async def test_under_load_what_runs_may_finish_and_the_rest_is_handed_back(
    place: Place, board: Doomed, wire: Wire, number: int
) -> None:
    for name in "abc":
        await wire.publish("callboard.submit.waiter", place.submission(name))
    for one in range(TASKS):
        await wire.publish("callboard.submit.noter", place.submission(f"task-{one}", seconds=0.1))
    await eventually(lambda: len(place.running()) > 20, "some of the tasks run")

    # As a terminal does it: to every process of the group.
    os.killpg(board.process.pid, number)

    assert board.wait() == 0
    assert session(board.process.pid) == []
    begun = place.running()
    assert len(begun) < TASKS

    place.go.touch()
    after = place.start()
    await check_idle_board(after.url)
    tasks = await histories(after)
    started = [event.body for task in tasks.values() for event in task.events if event.name == "started"]
    own = [each["at"] for each in started if f"-{board.process.pid}-" in each["worker"]]
    assert len(own) > 20
    assert datetime.fromisoformat(max(own)) <= place.stopping_at()
    released = [event.fields for name in "abc" for event in tasks[name].events if event.name == "attempt_failed"]
    assert [(each["released"], each["error"]["type"]) for each in released] == [(True, "Released")] * 3
    assert [tasks[name].attempts for name in "abc"] == [1, 1, 1]
    assert count(tasks, "attempt_failed").keys() == {*"abc"}
    assert len(count(tasks, "completed")) == TASKS + 3
    check_executions(executions(place.notes), tasks)
    assert after.stop() == 0
    assert defects(place.log.read_text(encoding="utf-8")) == []


async def test_what_ends_within_the_grace_is_recorded(place: Place) -> None:
    board = place.start("--grace", "60")
    wire = await Wire.open(board.url)
    await wire.publish("callboard.submit.waiter", place.submission("a"))
    await eventually(place.running, "the task runs")
    await wire.close()

    board.process.send_signal(signal.SIGTERM)
    await eventually(lambda: place.logged("app.stopping"), "callboard is stopping")
    place.go.touch()

    assert board.wait() == 0
    tasks = await histories(place.start())
    assert [event.name for event in tasks["a"].events][-2:] == ["started", "completed"]


async def test_nothing_new_is_begun_while_it_stops(place: Place) -> None:
    board = place.start("--grace", "60")
    wire = await Wire.open(board.url)
    await wire.publish("callboard.submit.waiter", place.submission("a"))
    await eventually(place.running, "the task runs")

    board.process.send_signal(signal.SIGTERM)
    await until_unattended(wire, "CALLBOARD_EVENTS", "specialist-waiter-normal")
    live = await wire.follow("b")
    await wire.publish("callboard.submit.waiter", place.submission("b"))
    await live.until("assigned")
    place.go.touch()

    assert board.wait() == 0
    await wire.close()
    assert place.running() == ["a"]
    await check_idle_board(place.start().url)
    assert place.running() == ["a", "b"]


async def test_a_second_signal_ends_it_at_once(place: Place) -> None:
    board = place.start("--grace", "60")
    wire = await Wire.open(board.url)
    await wire.publish("callboard.submit.waiter", place.submission("a"))
    await eventually(place.running, "the task runs")
    await wire.close()
    members = session(board.process.pid)
    assert len(members) == 2, "expected callboard and its server"

    board.process.send_signal(signal.SIGTERM)
    await eventually(lambda: place.logged("app.stopping"), "callboard is stopping")
    began = time.monotonic()

    assert board.stop(signal.SIGINT) == 130
    assert time.monotonic() - began < AT_ONCE_SECONDS
    until(lambda: not any(map(alive, members)), "the server is gone, too")
    place.go.touch()
    after = place.start()
    await check_idle_board(after.url)
    failed = [event for event in (await histories(after))["a"].events if event.name == "attempt_failed"]
    assert [event.fields["error"]["type"] for event in failed] == ["WorkerLost"]


async def test_without_grace_everything_is_handed_back_at_once(place: Place) -> None:
    board = place.start("--grace", "0")
    wire = await Wire.open(board.url)
    for number in range(3):
        await wire.publish("callboard.submit.waiter", place.submission(f"task-{number}"))
    await eventually(lambda: len(place.running()) == 3, "the tasks run")
    await wire.close()

    assert board.stop() == 0

    place.go.touch()
    after = place.start()
    await check_idle_board(after.url)
    assert [task.released for task in (await histories(after)).values()] == [1, 1, 1]


def test_it_stops_also_when_the_server_is_gone(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    place = Place(tmp_path)
    board = Doomed(tmp_path / "board", place.log, "--nats", fresh_nats_server.url, "--app", str(APP), "--grace", "1")
    place.boards.append(board)
    board.await_ready()
    fresh_nats_server.kill()

    assert board.stop() == 0
    assert "Traceback" not in place.log.read_text(encoding="utf-8")


async def test_a_delivery_on_its_way_may_arrive_and_is_not_made_again(place: Place) -> None:
    let_go = asyncio.Event()

    async def answer(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await let_go.wait()
        await answering(204)(request, reader, writer)

    async with Receiver(answer) as receiver:
        board = place.start("--grace", "60", "--allow-private-addresses")
        wire = await Wire.open(board.url)
        body = place.submission("a") | {"delivery": [{"channel": "webhook", "url": receiver.url}]}
        await wire.publish("callboard.submit.noter", body)
        await receiver.arrived.wait()
        await wire.close()

        board.process.send_signal(signal.SIGTERM)
        await eventually(lambda: place.logged("app.stopping"), "callboard is stopping")
        let_go.set()

        assert await asyncio.to_thread(board.wait) == 0
        after = place.start("--allow-private-addresses")
        await check_idle_board(after.url)
        assert len(receiver.requests) == 1


async def test_a_delivery_that_waits_for_its_next_attempt_holds_nothing_up(place: Place) -> None:
    async with Receiver(answering(503, "Retry-After: 30\r\n")) as receiver:
        board = place.start("--grace", "60", "--allow-private-addresses")
        wire = await Wire.open(board.url)
        live = await wire.follow("a")
        body = place.submission("a") | {"delivery": [{"channel": "webhook", "url": receiver.url}]}
        await wire.publish("callboard.submit.noter", body)
        await live.until("delivery_failed")
        await wire.close()

        began = time.monotonic()
        assert await asyncio.to_thread(board.stop) == 0
        assert time.monotonic() - began < AT_ONCE_SECONDS


async def test_it_stops_within_bounds_when_the_server_is_silent(place: Place, fresh_nats_server: NatsServer) -> None:
    options = ("--nats", fresh_nats_server.url, "--grace", "1", "--ack-wait", "2")
    board = place.start(*options)
    wire = await Wire.open(board.url)
    for number in range(TASKS):
        await wire.publish("callboard.submit.noter", place.submission(f"task-{number}", seconds=0.05))
    await eventually(lambda: len(place.running()) > 20, "some of the tasks run")
    await wire.close()
    fresh_nats_server.suspend()

    assert board.stop() == 0

    fresh_nats_server.resume()
    after = place.start(*options)
    await check_idle_board(after.url)
    tasks = await histories(after)
    assert len(count(tasks, "completed")) == TASKS
    check_executions(executions(place.notes), tasks)


def test_the_end_of_its_own_server_ends_it_with_a_clear_word(place: Place, board: Doomed) -> None:
    (server,) = [pid for pid in session(board.process.pid) if pid != board.process.pid]

    os.kill(server, signal.SIGKILL)

    assert board.wait(30) == 1
    assert place.logged("process.gave_up")
    assert "nats-server.log" in place.log.read_text()
    assert "Traceback" not in place.log.read_text()
