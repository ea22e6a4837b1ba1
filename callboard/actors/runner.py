"""Where handlers run: on an event loop, in threads or in processes; never on the thread that asks for it."""

import threading
import time
from typing import Final

import structlog
from msgspec import Raw

from callboard.actors.agents import Agent
from callboard.actors.context import Context
from callboard.actors.deadlines import Deadlines
from callboard.actors.handler_loop import HandlerLoop
from callboard.actors.isolation.process_running import ProcessRunning
from callboard.actors.isolation.worker_processes import IDLE_SECONDS, WorkerProcesses
from callboard.actors.running import Done, LoopRunning, Running, ThreadRunning
from callboard.actors.task import Task
from callboard.actors.worker_threads import WorkerThreads

MAX_OUTPUT_BYTES: Final = 900_000
"""Fits, with its envelope, into a message of 1 MB."""

PROCESS_END_SECONDS: Final = 0.5
"""What an idle worker process has to end in order, even at a stop that is out of time."""


class Runner:
    """Runs attempts, one per process.

    Args:
        max_threads: how many plain functions run at a time; more wait.
        max_output_bytes: the longest JSON a handler may return.
        cancel_grace_seconds: how long a handler that was called off may take to end before it is given up.
        idle_process_seconds: how long a worker process without work is kept.
    """

    def __init__(
        self,
        *,
        max_threads: int = 32,
        max_output_bytes: int = MAX_OUTPUT_BYTES,
        cancel_grace_seconds: float = 1.0,
        idle_process_seconds: float = IDLE_SECONDS,
    ) -> None:
        self.max_output_bytes = max_output_bytes
        self.cancel_grace_seconds = cancel_grace_seconds
        self.deadlines = Deadlines()
        self.threads = WorkerThreads(max_threads)
        self._idle_process_seconds = idle_process_seconds
        self._processes: dict[Agent, WorkerProcesses] = {}
        self._loop = HandlerLoop()
        self._open: set[Running] = set()
        self._accepts = False
        self._lock = threading.Lock()
        self._all_ended = threading.Event()

    def start(self) -> None:
        """Start the threads; once in the life of a runner."""
        self.deadlines.start()
        self._loop.start()
        self._accepts = True

    def run(
        self, agent: Agent, task: Task, raw_input: Raw, ctx: Context, done: Done, timeout_seconds: float
    ) -> Running:
        """Run one attempt and call ``done`` with its outcome, exactly once, from some thread of the runner.

        ``raw_input`` is the input's JSON: it is decoded where the handler runs, and put into ``task`` and
        ``ctx.task``. A runner that does not run answers at once, with a retryable ``Stopped``. Raises nothing.
        """
        running = _kind(agent)(self, agent, task, raw_input, ctx, done, timeout_seconds)
        self._open.add(running)
        if not self._accepts:
            running.stop()
        elif isinstance(running, LoopRunning):
            self._queue(running)
        elif isinstance(running, ProcessRunning):
            running.queue(self.processes(agent))
        else:
            running.queue(self.threads)
        return running

    def processes(self, agent: Agent) -> WorkerProcesses:
        """Return the worker processes of ``agent``."""
        found = self._processes.get(agent)
        if found is None:
            with self._lock:
                found = self._processes.setdefault(agent, WorkerProcesses(agent, self._idle_process_seconds))
        return found

    def stop(self, timeout_seconds: float = 5.0) -> bool:
        """Call off what runs, wait for it at most ``timeout_seconds``, and end the threads.

        Returns whether everything has ended. Worker processes have, by force if need be; a thread that has not is given
        up, and ends with the process. May be called before the start, and twice.
        """
        with self._lock:
            if not self._accepts:
                return True
            self._accepts = False
        ends_at = time.monotonic() + timeout_seconds
        self._call_off_all(timeout_seconds)
        self.threads.stop()
        loop_ended = self._loop.stop(max(0.0, ends_at - time.monotonic()))
        processes_ended = self._stop_processes(max(PROCESS_END_SECONDS, ends_at - time.monotonic()))
        self.deadlines.stop()
        return loop_ended and processes_ended and self.threads.lost == 0

    def ended(self, running: Running) -> None:
        """Forget an attempt that is over; for the attempt itself."""
        self._open.discard(running)
        if not self._accepts and not self._open:
            self._all_ended.set()

    def suspect(self, loop: HandlerLoop | None) -> None:
        """Replace ``loop`` (None: the current one) unless it answers within the grace; for an attempt called off.

        A handler that blocks the loop holds up all others; those that have not begun go to the new loop.
        """
        if not self._accepts:
            return
        asked = loop or self._loop
        answered = asked.ping()

        def check() -> None:
            if not answered.is_set():
                self._replace(asked)

        self.deadlines.add(self.cancel_grace_seconds, check)

    def _queue(self, running: LoopRunning) -> None:
        loop = self._loop
        running.queue(loop)
        if loop is not self._loop:  # replaced meanwhile: the old one may never get to it
            self._loop.post(running.coroutine)

    def _replace(self, blocked: HandlerLoop) -> None:
        with self._lock:
            if blocked is not self._loop or not self._accepts:
                return
            self._loop = HandlerLoop()
            self._loop.start()
        structlog.get_logger().error("loop.blocked", at=blocked.whereabouts())
        for coroutine in blocked.retire():
            self._loop.post(coroutine)

    def _stop_processes(self, timeout_seconds: float) -> bool:
        until = time.monotonic() + timeout_seconds
        ended = [pool.stop(max(0.0, until - time.monotonic())) for pool in list(self._processes.values())]
        for running in list(self._open):
            running.give_up()
        return all(ended)

    def _call_off_all(self, timeout_seconds: float) -> None:
        for running in list(self._open):
            running.stop()
        if self._open:
            self._all_ended.wait(timeout_seconds)
        for running in list(self._open):
            running.give_up()


def _kind(agent: Agent) -> type[LoopRunning | ProcessRunning | ThreadRunning]:
    if agent.signature.is_async:
        return LoopRunning
    return ProcessRunning if agent.isolation == "process" else ThreadRunning
