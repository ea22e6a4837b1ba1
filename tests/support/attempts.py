"""Running one attempt in a real runner, and waiting for what becomes of it."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Raw

from callboard.actors.agents import Agent
from callboard.actors.context import Context, Report
from callboard.actors.outcome import Outcome
from callboard.actors.runner import Runner
from callboard.actors.task import Task

PATIENCE_SECONDS = 30.0
"""How long a test waits for something that happens at once, on the busiest machine."""

Reported = list[tuple[float | None, str | None]] | Exception | None


class Attempt:
    """One attempt under way; ``outcomes`` keeps every call of ``done``, of which there must be one."""

    def __init__(self, runner: Runner, agent: Agent, value: Any, timeout_seconds: float, report: Reported) -> None:
        self.outcomes: list[Outcome] = []
        self._first: Future[Outcome] = Future()
        raw = value if isinstance(value, Raw) else Raw(msgspec.json.encode(value))
        task = Task(id="t-1", agent=agent.name, kind="refund", attempt=2, metadata={"tag": "x"})
        self.ctx = Context(task=task, report=_report(report), cancelled=threading.Event())
        self.running = runner.run(agent, task, raw, self.ctx, self._done, timeout_seconds)

    def _done(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        if len(self.outcomes) == 1:
            self._first.set_result(outcome)

    @property
    def outcome(self) -> Outcome:
        """The outcome, waited for."""
        return self._first.result(PATIENCE_SECONDS)

    @property
    def output(self) -> Any:
        """The decoded output of an attempt that must have one."""
        assert self.outcome.output is not None, self.outcome.error
        return msgspec.json.decode(self.outcome.output)

    @property
    def error(self) -> tuple[str, str, bool]:
        """Type, message and retryable of an attempt that must have failed."""
        assert self.outcome.error is not None
        assert self.outcome.output is None
        return self.outcome.error.type, self.outcome.error.message, self.outcome.retryable


def attempt(
    runner: Runner,
    agent: Agent,
    value: Any = None,
    timeout_seconds: float = PATIENCE_SECONDS,
    report: Reported = None,
) -> Attempt:
    """Run ``agent`` on the input ``value``; Raw is taken as the very bytes.

    Progress reports are put into ``report``; storing them fails when that is an error.
    """
    return Attempt(runner, agent, value, timeout_seconds, report)


def _report(target: Reported) -> Report | None:
    def report(fraction: float | None, note: str | None) -> "Future[None]":
        stored: Future[None] = Future()
        if isinstance(target, Exception):
            stored.set_exception(target)
        elif target is not None:
            target.append((fraction, note))
            stored.set_result(None)
        return stored

    return None if target is None else report


@contextmanager
def running(**options: Any) -> Iterator[Runner]:
    """A started runner, stopped at the end; a cancelled handler is given up after 50 ms unless told otherwise."""
    runner = Runner(**{"cancel_grace_seconds": 0.05, **options})
    runner.start()
    try:
        yield runner
    finally:
        runner.stop(PATIENCE_SECONDS)


def signal(event: threading.Event) -> None:
    """Wait until ``event`` is set; a test that waits in vain fails here."""
    assert event.wait(PATIENCE_SECONDS)
