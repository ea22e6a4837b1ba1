"""However the process that started them ends, no worker process outlives it, whatever it is busy with (Linux)."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import alive, python
from tests.support.waiting import until

PROGRAM = """
import os, signal, sys, threading
from pathlib import Path
from callboard.actors.runner import Runner
from callboard.logs import configure
from tests.data import isolated_agents as agents
from tests.support.attempts import attempt

configure(sys.stderr)
folder, ending, way = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
runner = Runner()
runner.start()

def begin():
    attempt(runner, agents.held, {"way": way, "file": str(folder / "pids")})

starter = threading.Thread(target=begin)
starter.start()
starter.join()
print(attempt(runner, agents.who).output[0], flush=True)
if ending == "fork" and os.fork() == 0:
    print(os.getpid(), flush=True)
    threading.Event().wait()
sys.stdin.readline()
match ending:
    case "exit":
        sys.exit(0)
    case "raise":
        raise ValueError
    case "_exit":
        os._exit(0)
    case "abort":
        os.abort()
    case "exec":
        os.execv("/bin/sleep", ["sleep", "600"])
    case "thread":
        threading.Thread(target=os._exit, args=(0,)).start()
    case "stop":
        runner.stop(0.1)
threading.Event().wait()
"""


class Parent:
    """A process with an idle worker and a busy one, which has started another process."""

    def __init__(self, folder: Path, ending: str, way: str) -> None:
        self.process = python(PROGRAM, str(folder), ending, way, new_group=True)
        self._folder = folder
        self.idle = self.busy = self.started = 0

    def await_workers(self) -> None:
        """Return when they are there."""
        assert self.process.stdout is not None
        self.idle = int(self.process.stdout.readline())
        note = self._folder / "pids"
        until(note.exists, "the handler runs")
        self.busy, self.started = [int(pid) for pid in note.read_text(encoding="ascii").split()]

    def go(self) -> None:
        """Let it end in the way it was told to."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def gone(self, *pids: int) -> None:
        """Fail unless these processes (default: all of its workers) end."""
        for pid in pids or (self.idle, self.busy, self.started):
            until(lambda pid=pid: not alive(pid), f"{pid} is gone")  # type: ignore[misc]


Open = Callable[..., Parent]


@pytest.fixture
def open_parent(tmp_path: Path) -> Iterator[Open]:
    parents: list[Parent] = []

    def start(ending: str = "", way: str = "loop") -> Parent:
        parent = Parent(tmp_path, ending, way)
        parents.append(parent)
        parent.await_workers()
        return parent

    yield start
    for parent in parents:
        for group in filter(None, (parent.process.pid, parent.idle, parent.busy)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        parent.process.communicate()


@pytest.mark.parametrize("way", ["loop", "gil", "deaf", "stop", "polite"])
def test_it_is_killed(open_parent: Open, way: str) -> None:
    parent = open_parent(way=way)
    parent.process.kill()
    parent.gone()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV, signal.SIGQUIT])
def test_a_signal_ends_it(open_parent: Open, number: int) -> None:
    parent = open_parent()
    parent.process.send_signal(number)
    parent.gone()


def test_its_whole_group_is_killed(open_parent: Open) -> None:
    parent = open_parent()
    os.killpg(parent.process.pid, signal.SIGKILL)
    parent.gone()


def test_it_is_suspended_and_then_killed(open_parent: Open) -> None:
    parent = open_parent()
    parent.process.send_signal(signal.SIGSTOP)
    assert alive(parent.busy)
    parent.process.kill()
    parent.gone()


@pytest.mark.parametrize("ending", ["exit", "raise", "_exit", "abort", "exec", "thread", "stop"])
def test_it_ends_itself(open_parent: Open, ending: str) -> None:
    parent = open_parent(ending)
    parent.go()
    parent.gone()


def test_it_is_killed_and_a_fork_of_it_holds_the_pipes(open_parent: Open) -> None:
    parent = open_parent("fork")
    assert parent.process.stdout is not None
    fork = int(parent.process.stdout.readline())
    parent.process.kill()
    parent.gone(parent.idle, parent.busy)
    assert alive(fork)


def test_it_lives_and_so_do_they(open_parent: Open) -> None:
    parent = open_parent()
    with pytest.raises(subprocess.TimeoutExpired):
        parent.process.wait(0.3)
    assert all(map(alive, (parent.idle, parent.busy, parent.started)))
