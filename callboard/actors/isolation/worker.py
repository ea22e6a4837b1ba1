"""What a worker process does: it loads its agent, and runs one attempt after the other until nobody gives it work."""

import contextvars
import faulthandler
import os
import queue
import signal
import sys
import threading
from types import MappingProxyType
from typing import Any

import msgspec

from callboard.actors.agents import Agent
from callboard.actors.context import Context
from callboard.actors.deadlines import Action, Deadline, Deadlines
from callboard.actors.handler_loop import HandlerLoop
from callboard.actors.isolation import messages
from callboard.actors.isolation.link import Link
from callboard.actors.isolation.log_lines import send_lines
from callboard.actors.isolation.reports import Reports
from callboard.actors.isolation.setup import Setup
from callboard.actors.loading import load
from callboard.actors.outcome import Outcome
from callboard.actors.running import Running, ThreadRunning
from callboard.actors.worker_threads import WorkerThread, WorkerThreads
from callboard.events.errors import CallboardError


def work(given: dict[str, Any]) -> None:
    """Be the worker process that ``given``, a Setup, describes; return when callboard needs it no longer."""
    setup = msgspec.convert(given, Setup)
    faulthandler.enable()
    if sys.stdout is not None:
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    link = Link(setup.reading, setup.writing)
    send_lines(link.send_line, setup.level, setup.library_level)
    try:
        agent = find(setup.agent, load(setup.app))
    except CallboardError as error:
        link.send(messages.Unready(str(error)))
        return
    Worker(agent, link).serve()


def find(name: str, agents: list[Agent]) -> Agent:
    """Return the agent of that name.

    Raises:
        CallboardError: it is not there.
    """
    found = next((agent for agent in agents if agent.name == name), None)
    if found is None:
        there = ", ".join(agent.name for agent in agents)
        raise CallboardError(f"expected an agent {name!r} at the top level of its module, found there: {there}")
    return found


class _NeverDue(Deadlines):
    """Callboard watches the time, from outside."""

    def add(self, seconds: float, action: Action) -> Deadline:
        """Add nothing."""
        del seconds, action
        return Deadline(0.0, 0, None)


class Worker:
    """Runs the attempts in the main thread, as a worker thread of callboard would, and listens in another."""

    def __init__(self, agent: Agent, link: Link) -> None:
        self.deadlines: Deadlines = _NeverDue()
        self.threads = WorkerThreads(1)
        self.max_output_bytes = 0
        self.cancel_grace_seconds = 0.0
        self._agent = agent
        self._link = link
        self._thread = WorkerThread(self.threads)
        self._jobs: queue.SimpleQueue[ThreadRunning | None] = queue.SimpleQueue()
        self._number = 0
        self._running: Running | None = None
        self._reports = Reports(link.send)

    def serve(self) -> None:
        """Run what comes; return when callboard closes the pipe."""
        threading.Thread(target=self._listen, name="callboard-orders", daemon=True).start()
        self._link.send(messages.Ready())
        while (running := self._jobs.get()) is not None:
            contextvars.Context().run(running.job, self._thread)
            del running  # an idle process must not keep the last task alive

    def ended(self, running: Running) -> None:
        """Do nothing: there is only one."""

    def suspect(self, loop: HandlerLoop | None) -> None:
        """Do nothing: there is no loop."""

    def _listen(self) -> None:
        for order in self._link.orders():
            match order:
                case messages.Run():
                    self._take(order)
                case messages.Cancel(number) if number == self._number and self._running is not None:
                    self._running.cancel()
                case messages.Stored():
                    self._reports.stored(order)
        if self._running is None:
            self._jobs.put(None)
        else:  # callboard is gone, and nobody is left to hear of the result
            os.killpg(0, signal.SIGKILL)

    def _take(self, run: messages.Run) -> None:
        self._reports = Reports(self._link.send)
        self.max_output_bytes = run.max_output_bytes
        context = Context(task=run.task, report=self._reports.report, rules=MappingProxyType(run.rules))
        running = ThreadRunning(self, self._agent, run.task, run.input, context, self._done, 0.0)
        self._number, self._running = run.number, running
        self._jobs.put(running)

    def _done(self, outcome: Outcome) -> None:
        self._running = None
        self._link.send(messages.Ended.of(outcome))
