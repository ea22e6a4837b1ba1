"""A worker process that dies fails one attempt; one that must end is really killed, with all it started."""

import os
import signal
from pathlib import Path

import pytest

from callboard.actors.runner import Runner
from tests.data import isolated_agents as agents
from tests.support.attempts import PATIENCE_SECONDS, Attempt, attempt, running
from tests.support.log_lines import LogLines
from tests.support.processes import alive
from tests.support.runners import logged, runner_for_test
from tests.support.waiting import until

WAYS = ["loop", "gil", "deaf", "stop"]
SHORT = 0.5
TIMEOUT = ("Timeout", "no result after 0.5 s", True)
runner = runner_for_test()
lines = pytest.fixture(autouse=True)(logged)


class Held:
    """An attempt whose handler never ends, and the processes there are of it."""

    def __init__(self, runner: Runner, folder: Path, way: str, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        self._file = folder / "pids"
        self.made: Attempt = attempt(runner, agents.held, {"way": way, "file": str(self._file)}, timeout_seconds)

    def pids(self) -> list[int]:
        """Return the ids of the worker and of a process it started, once they are there."""
        until(self._file.exists, "the handler runs")
        return [int(pid) for pid in self._file.read_text(encoding="ascii").split()]


@pytest.mark.parametrize("way", WAYS)
def test_a_handler_over_time_is_killed_with_all_it_started(
    runner: Runner, tmp_path: Path, way: str, lines: LogLines
) -> None:
    held = Held(runner, tmp_path, way, SHORT)
    worker, started = held.pids()
    assert held.made.error == TIMEOUT
    assert not alive(worker)
    until(lambda: not alive(started), "what it started is gone")
    killed = lines.wait("handler.killed")
    assert (killed["pid"], killed["after"], killed["task_id"]) == (worker, "Timeout", "t-1")
    assert len(held.made.outcomes) == 1
    assert not lines.named("handler.abandoned")
    assert not lines.named("worker.died")


@pytest.mark.parametrize("way", WAYS)
def test_a_cancelled_handler_is_killed(runner: Runner, tmp_path: Path, way: str) -> None:
    held = Held(runner, tmp_path, way)
    worker, started = held.pids()
    held.made.running.cancel()
    assert held.made.error == ("Cancelled", "the task was cancelled", False)
    assert not alive(worker)
    until(lambda: not alive(started), "what it started is gone")


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_left_after_the_stop(tmp_path: Path, way: str) -> None:
    with running() as runner:
        idle = attempt(runner, agents.who).output[0]
        held = Held(runner, tmp_path, way)
        worker, started = held.pids()
        assert runner.stop(1.0)
        assert held.made.error == ("Stopped", "the worker stops", True)
        assert not alive(worker)
        assert not alive(idle)
        until(lambda: not alive(started), "what it started is gone")


def test_a_handler_that_looks_at_the_flag_ends_by_itself_and_its_process_goes_on(tmp_path: Path) -> None:
    with running(cancel_grace_seconds=PATIENCE_SECONDS) as runner:
        held = Held(runner, tmp_path, "polite")
        worker, _ = held.pids()
        held.made.running.cancel()
        assert held.made.error[0] == "Cancelled"
        assert runner.processes(agents.held).pids == [worker]
        assert runner.stop(PATIENCE_SECONDS)
        assert not alive(worker)


def test_a_cancellation_before_it_begins_runs_nothing(runner: Runner) -> None:
    first = attempt(runner, agents.raising)
    waiting = attempt(runner, agents.raising, "value")
    waiting.running.cancel()
    assert waiting.error[0] == "Cancelled"
    assert isinstance(first.output, int)
    assert [len(made.outcomes) for made in (first, waiting)] == [1, 1]


@pytest.mark.parametrize(
    ("value", "ending"),
    [
        ("exit", "ended with exit code 7"),
        ("kill", "was ended by signal 9 (SIGKILL)"),
        ("segfault", "was ended by signal 11 (SIGSEGV)"),
        ("close", "closed its pipe and was killed"),
        ("fork", "ended with exit code 9"),
    ],
)
def test_a_process_that_dies_fails_its_attempt_and_the_next_has_a_new_one(
    runner: Runner, value: str, ending: str, lines: LogLines
) -> None:
    before = attempt(runner, agents.dying).output
    waiting = [attempt(runner, agents.dying, value), attempt(runner, agents.dying)]
    assert waiting[0].error == ("WorkerDied", f"the worker process {ending}", True)
    died = lines.wait("worker.died")
    assert (died["pid"], died["ending"], died["task_id"]) == (before, ending, "t-1")
    after = waiting[1].output
    assert after != before
    assert attempt(runner, agents.dying).output == after
    assert not alive(before)


def test_a_process_that_writes_into_the_pipes_is_killed(runner: Runner) -> None:
    kind, message, retryable = attempt(runner, agents.dying, "garbage").error
    assert (kind, retryable) == ("WorkerDied", True)
    assert "does not make sense" in message
    assert isinstance(attempt(runner, agents.dying).output, int)


def test_an_idle_process_that_dies_costs_no_attempt(runner: Runner, lines: LogLines) -> None:
    pid = attempt(runner, agents.who).output[0]
    os.kill(pid, signal.SIGKILL)
    assert "task_id" not in lines.wait("worker.died")
    assert attempt(runner, agents.who).output[0] != pid


def test_many_that_hang_take_nothing_from_the_others(runner: Runner, tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(6)]
    for folder in folders:
        folder.mkdir()
    hanging = [Held(runner, folder, "loop", SHORT) for folder in folders]
    assert attempt(runner, agents.echo, 1).output == 1
    assert [held.made.error for held in hanging] == [TIMEOUT] * 6
    assert runner.threads.lost == 0
    assert not any(alive(pid) for held in hanging for pid in held.pids()[:1])
