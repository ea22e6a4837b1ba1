"""Worker processes of a whole callboard: their tasks end, and they end with it."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.doomed import Doomed
from tests.support.log_audit import LogAudit
from tests.support.processes import alive
from tests.support.waiting import until
from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, last, names

APP = Path(__file__).parent / "data" / "isolated_agents.py"
PATIENCE_SECONDS = 30.0


class Boards:
    """One callboard after the other on the same directory."""

    def __init__(self, folder: Path) -> None:
        self.note = folder / "pids"
        self._folder = folder
        self.running: list[Doomed] = []

    def start(self) -> str:
        arguments = ("--app", str(APP), "--grace", "0")
        board = Doomed(self._folder / "board", self._folder / "board.log", *arguments)
        self.running.append(board)
        return board.await_ready()

    def pids(self) -> list[int]:
        until(self.note.exists, "the handler runs")
        return [int(pid) for pid in self.note.read_text(encoding="ascii").split()]

    def kill(self) -> None:
        while self.running:
            self.running.pop().kill()


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[Boards]:
    boards = Boards(tmp_path)
    yield boards
    boards.kill()


async def submit(url: str, agent: str, **body: Any) -> None:
    wire = await Wire.open(url)
    await wire.publish(f"callboard.submit.{agent}", {"id": "a", **body})
    await wire.close()


async def ended(url: str) -> list[WireEvent]:
    """Return the events of the task once it is over."""
    wire = await Wire.open(url)
    try:
        answer = (await wire.ask("api.result", {"id": "a", "wait_seconds": PATIENCE_SECONDS})).ok
        assert answer["finished_at"], answer
        return (await LogAudit.of(wire)).tasks["a"].events
    finally:
        await wire.close()


async def test_a_task_is_done_in_another_process(boards: Boards) -> None:
    url = boards.start()
    await submit(url, "who", input=None)
    pid, _, _ = last(await ended(url), "completed").fields["output"]
    assert pid != boards.running[0].process.pid
    assert alive(pid)
    assert boards.running[0].stop() == 0
    assert not alive(pid)


async def test_reports_are_events_before_the_outcome(boards: Boards) -> None:
    url = boards.start()
    await submit(url, "reporting", input=3)
    events = names(await ended(url))
    assert events[-4:] == ["progressed"] * 3 + ["completed"]


async def test_a_task_that_kills_its_process_every_time_has_failed(boards: Boards) -> None:
    url = boards.start()
    await submit(url, "dying", input="exit", max_attempts=2)
    events = await ended(url)
    assert names(events).count("started") == 2
    error = last(events, "failed").fields["error"]
    assert (error["type"], error["message"]) == ("WorkerDied", "the worker process ended with exit code 7")


async def test_a_timeout_is_recorded_when_the_process_is_gone(boards: Boards) -> None:
    url = boards.start()
    body = {"input": {"way": "gil", "file": str(boards.note)}, "timeout_seconds": 0.5, "max_attempts": 1}
    await submit(url, "held", **body)
    assert last(await ended(url), "failed").fields["error"]["type"] == "Timeout"
    assert not alive(boards.pids()[0])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_they_end_with_callboard(boards: Boards, number: int) -> None:
    await submit(boards.start(), "held", input={"way": "gil", "file": str(boards.note)})
    pids = boards.pids()
    os.kill(boards.running[0].process.pid, number)
    boards.running[0].process.wait(PATIENCE_SECONDS)
    for pid in pids:
        until(lambda pid=pid: not alive(pid), f"{pid} is gone")  # type: ignore[misc]
