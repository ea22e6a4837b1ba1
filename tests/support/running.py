"""`callboard up` as a user runs it: a process with a directory of its own, ready when it says so."""

import signal
import subprocess
import threading
from pathlib import Path

from tests.support.command_line import command, environment

READY_SECONDS = 60
STOP_SECONDS = 30


class Running:
    """A callboard process that stores under ``directory``; ``arguments`` go to `callboard up`."""

    def __init__(self, directory: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.directory = directory
        self._errors = directory.with_name(f"{directory.name}.log")
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                command("up", "--dir", str(directory), *arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(env),
                text=True,
            )
        self.ready = self._line()
        self.url = self.ready.removeprefix("ready ")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send it a signal and return its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended and return its exit code."""
        code = self.process.wait(STOP_SECONDS)
        self.rest()
        return code

    def rest(self) -> str:
        """Return what it printed on standard output after its ready line; only once it has ended."""
        assert self.process.stdout is not None
        with self.process.stdout as output:
            return output.read() if not output.closed else ""

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def log(self) -> str:
        """What it wrote to standard error."""
        return self._errors.read_text(encoding="utf-8")

    def _line(self) -> str:
        assert self.process.stdout is not None
        overdue = threading.Timer(READY_SECONDS, self.process.kill)
        overdue.start()
        line = self.process.stdout.readline().rstrip("\n")
        overdue.cancel()
        if not line.startswith("ready nats://"):
            self.kill()
            raise AssertionError(f"expected `ready nats://…`, got {line!r}; log:\n{self.log}")
        return line
