"""A process killed while a handler runs: the next start says so and runs the next attempt, as often as it may."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.doomed import Doomed
from tests.support.executions import check_executions, executions
from tests.support.log_audit import LogAudit
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, last, names

APP = Path(__file__).parents[1] / "data" / "noting_agents.py"
SOON_SECONDS = 15.0
"""Half of the ack wait, which nobody is to wait for."""


class Boards:
    """One callboard after the other on the same directory."""

    def __init__(self, directory: Path) -> None:
        self.notes, self.go = directory / "notes", directory / "go"
        self._directory = directory
        self.running: list[Doomed] = []

    def start(self) -> str:
        board = Doomed(self._directory / "board", self._directory / "board.log", "--app", str(APP))
        self.running.append(board)
        return board.await_ready()

    def kill(self) -> None:
        while self.running:
            self.running.pop().kill()

    async def killed_in_attempt(self, number: int) -> None:
        """Kill the one that runs once its handler has begun its attempt ``number``."""
        await eventually(
            lambda: [one.attempt for one in executions(self.notes)][-1:] == [number],
            f"attempt {number} runs",
            SOON_SECONDS,
        )
        self.kill()

    async def submit(self, url: str, **fields: object) -> None:
        wire = await Wire.open(url)
        body = {"id": "a", "input": {"go": str(self.go)}, "metadata": {"notes": str(self.notes)}, **fields}
        await wire.publish("callboard.submit.waiter", body)
        await wire.close()


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[Boards]:
    boards = Boards(tmp_path)
    yield boards
    boards.kill()


async def ended(url: str) -> list[WireEvent]:
    """Return the events of the task once it is over."""
    wire = await Wire.open(url)
    try:
        answer = (await wire.ask("api.result", {"id": "a", "wait_seconds": SOON_SECONDS})).ok
        assert answer["finished_at"], answer
        return (await LogAudit.of(wire)).tasks["a"].events
    finally:
        await wire.close()


async def test_the_next_start_records_the_loss_and_runs_the_next_attempt(boards: Boards) -> None:
    await boards.submit(boards.start())
    await boards.killed_in_attempt(1)
    boards.go.touch()

    events = await ended(boards.start())

    lost = last(events, "attempt_failed").fields
    assert (lost["error"]["type"], lost["attempt"], lost["retryable"]) == ("WorkerLost", 1, True)
    assert last(events, "completed").fields["output"] == {"attempt": 2}
    workers = [event.fields["worker"] for event in events if event.name == "started"]
    assert len(set(workers)) == 2


async def test_after_the_last_attempt_the_task_has_failed_and_says_why(boards: Boards) -> None:
    await boards.submit(boards.start(), max_attempts=2)
    await boards.killed_in_attempt(1)
    boards.start()
    await boards.killed_in_attempt(2)

    events = await ended(boards.start())

    failed = last(events, "failed").fields
    assert failed["attempts"] == 2
    assert failed["error"]["type"] == "WorkerLost"
    assert "worker" in failed["error"]["message"]
    assert names(events).count("started") == 2
    assert [one.attempt for one in executions(boards.notes)] == [1, 2]


async def test_what_had_ended_before_the_crash_is_not_run_again(boards: Boards) -> None:
    boards.go.touch()
    url = boards.start()
    await boards.submit(url)
    before = await ended(url)
    boards.kill()

    after = await ended(boards.start())

    assert after == before
    wire = await Wire.open(boards.running[-1].url)
    check_executions(executions(boards.notes), (await LogAudit.of(wire)).tasks)
    await wire.close()
