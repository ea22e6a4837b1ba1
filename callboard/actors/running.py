"""One attempt under way: it ends exactly once, whatever the handler does."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

import msgspec
import structlog
from msgspec import Raw

from callboard.actors import outcome
from callboard.actors.agents import Agent
from callboard.actors.context import Context
from callboard.actors.deadlines import Deadline, Deadlines
from callboard.actors.handler_loop import HandlerLoop
from callboard.actors.message import message_of
from callboard.actors.outcome import Outcome
from callboard.actors.task import Task
from callboard.actors.whereabouts import whereabouts
from callboard.actors.worker_threads import WorkerThread, WorkerThreads

Done = Callable[[Outcome], None]

_CANCELLED: Final = outcome.failure(outcome.CANCELLED, "the task was cancelled")
_LOST: Final = outcome.failure(outcome.LOST, "another worker has the task", retryable=True)
_STOPPED: Final = outcome.failure(outcome.STOPPED, "the worker stops", retryable=True)


class Host(Protocol):
    """What an attempt needs of the runner it belongs to."""

    deadlines: Deadlines
    threads: WorkerThreads
    max_output_bytes: int
    cancel_grace_seconds: float

    def ended(self, running: "Running") -> None:
        """Forget an attempt whose outcome was told."""

    def suspect(self, loop: HandlerLoop | None) -> None:
        """Check that a loop (None: the current one) still answers, and replace it when it does not."""


class Running:
    """One attempt. It is queued, begun, and over; ``done`` is called with its outcome when it gets over.

    Whoever calls it off (a cancellation, the timeout, the stop, the loss of its lease) fixes its outcome. The handler
    is then told, and given up when it has not ended after the grace.
    """

    __slots__ = ("_begun", "_deadline", "_host", "_lock", "_over", "_raw", "_verdict", "agent", "ctx", "done", "task",
                 "timeout_seconds")  # fmt: skip

    def __init__(
        self, host: Host, agent: Agent, task: Task, raw_input: Raw, ctx: Context, done: Done, timeout_seconds: float
    ) -> None:
        self._host = host
        self.agent, self.task, self.ctx, self.done = agent, task, ctx, done
        self.timeout_seconds = timeout_seconds
        self._raw = raw_input
        self._lock = threading.Lock()
        self._begun = self._over = False
        self._verdict: Outcome | None = None
        self._deadline: Deadline | None = None

    @property
    def over(self) -> bool:
        """Whether the outcome is known."""
        return self._over

    def cancel(self) -> None:
        """Call the attempt off, from any thread; it ends as ``Cancelled``. Nothing happens when it is over."""
        self._call_off(_CANCELLED)

    def stop(self) -> None:
        """Call the attempt off because its worker stops; it ends as ``Stopped``, which is retryable."""
        self._call_off(_STOPPED)

    def lose(self) -> None:
        """Call the attempt off because the log counts it as lost; it ends as ``Lost``, which nobody records."""
        self._call_off(_LOST)

    def give_up(self) -> None:
        """End an attempt that was called off without waiting for its handler any longer."""
        if self._claim():
            self._log.error("handler.abandoned", **self._abandon())
            self._tell(self._verdict or _STOPPED)

    def _arm(self) -> None:
        self._deadline = self._host.deadlines.add(self.timeout_seconds, self._expire)

    def _expire(self) -> None:
        message = f"no result after {self.timeout_seconds:g} s"
        self._call_off(outcome.failure(outcome.TIMEOUT, message, retryable=True))

    def _call_off(self, verdict: Outcome) -> None:
        with self._lock:
            if self._over or self._verdict is not None:
                return
            self._verdict = verdict
            begun = self._begun
        self.ctx.call_off()
        if begun:
            self._host.deadlines.add(self._host.cancel_grace_seconds, self.give_up)
        else:
            self._end(verdict)
        self._interrupt()

    def _begin(self) -> bool:
        with self._lock:
            if self._begun or self._over or self._verdict is not None:
                return False
            self._begun = True
            return True

    def _end(self, result: Outcome) -> bool:
        """Tell the outcome, unless another thread does; return whether this call did it."""
        claimed = self._claim()
        if claimed:
            self._tell(self._verdict or result)
        return claimed

    def _claim(self) -> bool:
        """Make it over; return False when it was."""
        with self._lock:
            claimed = not self._over
            self._over = True
            return claimed

    def _tell(self, result: Outcome) -> None:
        if self._deadline is not None:
            self._host.deadlines.drop(self._deadline)
        try:
            self.done(result)
        except Exception as error:  # noqa: BLE001 - the thread it runs on serves all attempts
            self._log.error("handler.done_failed", error=_named(error), exc_info=error)
        self._host.ended(self)

    def _returned(self, result: Outcome) -> None:
        if not self._end(result):
            self._log.warning("handler.returned_late")

    def _arguments(self) -> tuple[Any, ...] | None:
        """Decode the input, and return what the handler is called with; None when it is not what it takes."""
        signature = self.agent.signature
        try:
            value = signature.decode(self._raw)
        except Exception as error:  # noqa: BLE001 - a Struct may check itself with any code
            self._end(outcome.invalid_input(error))
            return None
        self.ctx.task = task = msgspec.structs.replace(self.task, input=value)
        first = task if signature.input_type is None else value
        return (first, self.ctx) if signature.takes_context else (first,)

    def _failure(self, error: BaseException) -> Outcome:
        """Return the outcome of a handler that raised, and log where it did."""
        if self._verdict is None:
            self._log.warning("handler.raised", error=_named(error), exc_info=error)
        return outcome.of_exception(error, self.agent.no_retry)

    def _interrupt(self) -> None:
        """Tell the handler that it is called off."""

    def _abandon(self) -> dict[str, Any]:
        """Replace what a handler that does not end holds, and return what is known of it for the log."""
        return {}

    @property
    def _log(self) -> structlog.typing.FilteringBoundLogger:
        names = {"agent": self.agent.name, "task_id": self.task.id, "attempt": self.task.attempt}
        if self._verdict is not None and self._verdict.error is not None:
            names["after"] = self._verdict.error.type
        log: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(**names)
        return log


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {message_of(error)}"


class LoopRunning(Running):
    """An attempt whose handler is async and runs as a task on the handler loop."""

    __slots__ = ("_aio", "_loop")

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._loop: HandlerLoop | None = None
        self._aio: asyncio.Task[Any] | None = None

    def queue(self, loop: HandlerLoop) -> None:
        """Have ``loop`` run it; the time in the queue counts, for a loop that is blocked never begins."""
        self._arm()
        loop.post(self.coroutine)

    def coroutine(self, loop: HandlerLoop) -> Coroutine[Any, Any, None] | None:
        """Return what the loop shall run; None when there is nothing left to do."""
        if not self._begin():
            return None
        self._loop = loop
        return self._run()

    async def _run(self) -> None:
        self._aio = asyncio.current_task()
        if self._verdict is not None:  # called off before its first step
            self._end(self._verdict)
            return
        arguments = self._arguments()
        if arguments is None:
            return
        try:
            result = await self.agent.handler(*arguments)
        except BaseException as error:  # noqa: BLE001 - SystemExit in a handler must not end the loop
            self._returned(self._failure(error))
        else:
            self._returned(outcome.of_result(result, self._host.max_output_bytes))

    def _interrupt(self) -> None:
        if self._loop is not None:
            self._loop.call(self._cancel_task)
        self._host.suspect(self._loop)

    def _cancel_task(self) -> None:
        if self._aio is not None:
            self._aio.cancel()


class ThreadRunning(Running):
    """An attempt whose handler is a plain function and runs in one of the worker threads."""

    __slots__ = ("_worker",)

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._worker: WorkerThread | None = None

    def queue(self, threads: WorkerThreads) -> None:
        """Have one of ``threads`` run it; its time counts from when it begins."""
        threads.submit(self.job)

    def job(self, worker: WorkerThread) -> None:
        """Run the handler in this thread."""
        self._worker = worker
        if not self._begin():
            return
        self._arm()
        arguments = self._arguments()
        if arguments is None:
            return
        try:
            result = self.agent.handler(*arguments)
        except BaseException as error:  # noqa: BLE001 - SystemExit in a handler must not end the thread
            self._returned(self._failure(error))
        else:
            self._returned(outcome.of_result(result, self._host.max_output_bytes))

    def _abandon(self) -> dict[str, Any]:
        if self._worker is None:
            return {}
        at = whereabouts(self._worker)
        self._host.threads.replace(self._worker)
        return {"at": at, "lost_threads": self._host.threads.lost}
