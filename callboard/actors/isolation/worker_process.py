"""A worker process as callboard sees it: started, given attempts one by one, and killed when it must be."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from msgspec import Raw

from callboard.actors.agents import Agent
from callboard.actors.context import Context
from callboard.actors.isolation import messages
from callboard.actors.isolation.messages import Answer, Ended, Line, Ready, Report, Unready
from callboard.actors.isolation.pipes import GoneError, Pipes
from callboard.actors.isolation.setup import Setup
from callboard.actors.message import message_of
from callboard.actors.outcome import Outcome, failure
from callboard.actors.task import Task
from callboard.events.errors import CallboardError

START_SECONDS: Final = 60.0
END_SECONDS: Final = 1.0
WORKER_DIED: Final = "WorkerDied"
_LOOK_SECONDS: Final = 1.0
"""How often to look whether the process is there at all: what it forked may hold its end of the pipe."""

_DYING_SECONDS: Final = 0.2
_PAUSE_SECONDS: Final = 0.001
_LAUNCH: Final = Path(__file__).with_name("launch.py")


class WorkerStartError(CallboardError):
    """A worker process could not be started; the message says why."""


class WorkerProcess:
    """One process for one agent.

    The thread that starts it serves it, and lives as long: to the kernel the end of that thread is the parent's death.
    Any thread may wake, cancel and kill.
    """

    def __init__(self, agent: Agent) -> None:
        self.ready = self.gone = False
        self._agent = agent
        self._pipes = Pipes()
        self._process: subprocess.Popen[bytes] | None = None
        self._doomed = False
        self._lock = threading.Lock()
        self._number = 0
        self._context: Context | None = None

    @property
    def pid(self) -> int:
        """Its process id, which is that of its group; 0 before the start."""
        return 0 if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it and return when it has loaded its agent.

        Raises:
            WorkerStartError: it cannot, or takes more than a minute; nothing of it is left.
        """
        begun = time.monotonic()
        try:
            self._spawn()
            while not self.ready:
                self._await_ready(begun + START_SECONDS)
        except (OSError, ValueError) as error:  # no such program, no memory, a path with a null character
            self._reap()
            raise WorkerStartError(f"cannot start a worker process: {error}") from error
        except GoneError as error:
            ending = self._ending(error)
            raise WorkerStartError(f"the worker process {ending} before it had loaded its agent") from None
        except WorkerStartError:
            self._reap()
            raise
        seconds = round(time.monotonic() - begun, 3)
        structlog.get_logger().debug("worker.started", agent=self._agent.name, pid=self.pid, seconds=seconds)

    def begin(self) -> int:
        """Return the number of the attempt that is run next."""
        with self._lock:
            self._number += 1
            return self._number

    def run(self, number: int, task: Task, raw_input: Raw, ctx: Context, max_output_bytes: int) -> Outcome:
        """Run the handler and return what it came to; ``WorkerDied`` when the process ends before that."""
        self._context = ctx
        try:
            self._pipes.send(messages.Run(number, task, raw_input, max_output_bytes, dict(ctx.rules)))
            if ctx.cancelled:  # before there was anything to cancel
                self.cancel(number)
            return self._outcome()
        except GoneError as error:
            return failure(WORKER_DIED, f"the worker process {self._lost(error, task)}", retryable=True)
        except BaseException:
            self._reap()  # nobody knows what it does
            raise
        finally:
            self._context = None
            self._finish()

    def wait(self, seconds: float) -> None:
        """Wait so long at most for a wake-up or for a log line, which is passed on; it may be ``gone`` then."""
        try:
            self._pass_on(self._pipes.turn(seconds) or [])
        except GoneError as error:
            self._lost(error)

    def wake(self) -> None:
        """End the wait of the thread that serves it."""
        self._pipes.wake()

    def cancel(self, number: int) -> None:
        """Tell the handler that nobody waits for that attempt any more; nothing happens when it is over."""
        self._pipes.post(messages.Cancel(number))

    def kill(self, number: int | None = None) -> None:
        """Kill it, and all that it started and that is still in its process group; does not wait.

        With ``number`` nothing happens when that attempt is over.
        """
        with self._lock:
            if number in {None, self._number}:
                self._doomed = True
                self._signal()

    def end(self) -> None:
        """Let it end by itself, which it does when it has nothing to do; after a second it is killed."""
        if self.gone:
            return
        self._pipes.hang_up()
        until = time.monotonic() + END_SECONDS
        with contextlib.suppress(GoneError):
            while (left := until - time.monotonic()) > 0:
                self._pass_on(self._pipes.turn(left) or [])
        self._reap()

    def _outcome(self) -> Outcome:
        while True:
            for answer in self._heard(_LOOK_SECONDS):
                if isinstance(answer, Ended):
                    return answer.outcome

    def _finish(self) -> None:
        """Let the attempt be over: nobody kills the next one for it."""
        with self._lock:
            self._number += 1
            doomed = self._doomed and not self.gone
        if doomed:
            self._reap()

    def _spawn(self) -> None:
        setup = messages.encode(Setup.of(self._agent, self._pipes.theirs)).decode()
        with self._lock:
            self._process = subprocess.Popen(  # noqa: S603 - no shell, and a script of our own
                [sys.executable, "-P", _LAUNCH, self._agent.name, setup],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what user code prints is no result
                pass_fds=self._pipes.theirs,
                process_group=0,
            )
            if self._doomed:
                self._signal()
        self._pipes.release()

    def _await_ready(self, until: float) -> None:
        for answer in self._heard(_LOOK_SECONDS):
            if isinstance(answer, Unready):
                raise WorkerStartError(answer.error)
            self.ready = isinstance(answer, Ready)
        if not self.ready and time.monotonic() > until:
            raise WorkerStartError(f"the worker process did not load its agent within {START_SECONDS:g} s")

    def _heard(self, seconds: float) -> list[Answer]:
        """Wait so long at most for what it says about the work; the rest is passed on."""
        answers = self._pipes.turn(seconds)
        if answers is None and self._has_ended():
            raise GoneError("ended")
        return self._pass_on(answers or [])

    def _pass_on(self, answers: list[Answer]) -> list[Answer]:
        """Hand on log lines and progress reports, and return what else there is."""
        others: list[Answer] = []
        for answer in answers:
            if isinstance(answer, Line):
                _log(answer)
            elif isinstance(answer, Report):
                self._report(answer)
            else:
                others.append(answer)
        return others

    def _report(self, report: Report) -> None:
        if self._context is None:
            return
        receipt = self._context.progress(report.fraction, report.note)
        receipt._future.add_done_callback(partial(self._stored, report.number))  # noqa: SLF001 - not user code

    def _stored(self, number: int, stored: "Future[None]") -> None:
        error = stored.exception()
        self._pipes.post(messages.Stored(number, None if error is None else message_of(error)))

    def _has_ended(self) -> bool:
        """Tell whether it has ended; it keeps its number until it is reaped."""
        if not hasattr(os, "waitid"):  # macOS
            return self._process is not None and self._process.poll() is not None
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # somebody else waited for it
            return True

    def _ending(self, error: GoneError) -> str:
        """Make sure that it has ended, and return how it did; its pipes are closed a moment before that."""
        until = time.monotonic() + _DYING_SECONDS
        while not (ended := self._has_ended()) and time.monotonic() < until:
            time.sleep(_PAUSE_SECONDS)
        ending = self._reap()
        return ending if ended else f"{error} and was killed"

    def _lost(self, error: GoneError, task: Task | None = None) -> str:
        ending = self._ending(error)
        if not self._doomed:
            at = {} if task is None else {"task_id": task.id, "attempt": task.attempt}
            structlog.get_logger().warning("worker.died", agent=self._agent.name, pid=self.pid, ending=ending, **at)
        return ending

    def _reap(self) -> str:
        """Make sure that it has ended, and return how it did."""
        with self._lock:
            self._signal()
            self.gone = True  # from here on its number may be another's
        code = None if self._process is None else self._process.wait()
        self._pipes.close()
        return "did not start" if code is None else _told(code)

    def _signal(self) -> None:
        if self._process is not None and not self.gone:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: it has ended
                os.killpg(self._process.pid, signal.SIGKILL)


def _log(line: Line) -> None:
    # Its names come from user code, and may be those of a parameter.
    with contextlib.suppress(TypeError):
        structlog.get_logger().bind(**line.fields).log(line.level, line.event)


def _told(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"was ended by signal {-code}"
