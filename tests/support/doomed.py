"""A `callboard up` that is to be killed, with everything it started, at any moment (Linux)."""

import contextlib
import os
import random
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.support.command_line import command, environment
from tests.support.processes import alive
from tests.support.waiting import until


class Doomed:
    """A callboard in a session of its own that stores under ``directory``; it logs to ``log``."""

    def __init__(self, directory: Path, log: Path, *arguments: str) -> None:
        own = () if "--nats" in arguments else ("--port", "0")
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                command("up", "--dir", str(directory), *own, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(),
                text=True,
                start_new_session=True,
            )
        self.url = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def await_ready(self, seconds: float = 60.0) -> str:
        """Return its URL once it is ready."""
        until(lambda: self.url or self.process.poll() is not None, "callboard is ready", seconds)
        assert self.url, f"callboard ended with {self.process.returncode} before it was ready"
        return self.url

    def outlives(self, seconds: float) -> bool:
        """Let it run that long; tell whether it still runs."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def kill(self, chance: random.Random | None = None) -> None:
        """Kill every process of its session that is left, in any order; return when all of them are gone."""
        members = session(self.process.pid)
        if chance is not None:
            chance.shuffle(members)
        for pid in members:
            _kill(pid)
        self.process.wait()
        # What was being started while the others were killed dies with its parent.
        until(lambda: not any(map(alive, members + session(self.process.pid))), "all of the session is gone")
        self._close()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal and return its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self, seconds: float = 60.0) -> int:
        """Wait until it has ended and return its exit code."""
        code = self.process.wait(seconds)
        self._close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("ready "):
                self.url = line.removeprefix("ready ").strip()

    def _close(self) -> None:
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextlib.contextmanager
def doomed(directory: Path, log: Path, *arguments: str) -> Iterator[Doomed]:
    """Start one, and leave nothing of it behind."""
    board = Doomed(directory, log, *arguments)
    try:
        yield board
    finally:
        board.kill()


def session(leader: int) -> list[int]:
    """Return the processes that live in the session of ``leader``."""
    members = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and _session_of(entry) == leader]
    return [int(entry.name) for entry in members if alive(int(entry.name))]


def _session_of(entry: Path) -> int | None:
    try:
        fields = (entry / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[3])


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
