"""The specialist: one agent's queue, its running handlers, and what became of them."""

import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.actors.agents import Agent
from callboard.actors.batch_actor import BatchActor
from callboard.actors.context import Context
from callboard.actors.drain import Drain
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.actors.order import Order, Settled
from callboard.actors.outcome import OUTPUT_TOO_LARGE, Outcome, failure
from callboard.actors.reports import Backlog, Reports
from callboard.actors.runner import Runner
from callboard.actors.running import Running
from callboard.actors.settling import BrokenOrderError
from callboard.actors.task import task_of
from callboard.actors.waiting_room import Waiting, WaitingRoom
from callboard.events import task
from callboard.events.errors import CallboardError, EventTooLargeError
from callboard.events.task import TaskState
from callboard.events.task_events import Assigned, TaskError, TaskEvent

WORKER_LOST: Final = TaskError("WorkerLost", "the worker that ran this attempt went away before it ended")
NO_RESULT: Final = TaskError("NoResult", "the handler ended without a result")
BUSY_SECONDS: Final = 1.0
_assigned: Final = msgspec.json.Decoder(Assigned)


class CancelRun(Struct, frozen=True):
    """Stop the handler of a task whose cancellation is in the log, if it runs here."""

    task_id: str


class Release(Struct, frozen=True):
    """Hand what still runs back to the queue, for whoever comes next."""

    reason: str


class _Run(Struct, eq=False):
    """One attempt that this actor has in hand: its newest letter, and the handler once it runs."""

    task_id: str
    attempt: int
    letter: Letter
    backlog: Backlog
    running: Running | None = None
    cancelled: bool = False

    def stop(self) -> None:
        """Call the handler off, if it runs."""
        if self.running is not None:
            self.running.cancel()


class Specialist(BatchActor):
    """Consumes one agent's assigned tasks, strictest band first; appends started, progressed, completed, failed."""

    def __init__(
        self,
        *args: Any,
        agent: Agent,
        runner: Runner,
        worker: str,
        open_mailboxes: Callable[[BatchActor], list[Mailbox]],
        **kwargs: Any,
    ) -> None:
        """``worker`` names this process in the started events."""
        super().__init__(*args, **kwargs)
        self._agent = agent
        self._runner = runner
        self._worker = worker
        self._open_mailboxes = open_mailboxes
        self._runs: dict[str, _Run] = {}
        self._waiting = WaitingRoom()
        self._draining = False
        self._reports = Reports(self.post)
        self._idle = threading.Event()
        self._idle.set()

    def mailboxes(self) -> list[Mailbox]:
        """Return the mailboxes of the agent's bands."""
        return self._open_mailboxes(self)

    def handle(self, message: Any) -> Any:
        """Stop one handler, take no more work, or hand back what runs."""
        if isinstance(message, CancelRun):
            return self._cancel(message.task_id)
        if isinstance(message, Drain):
            return self._drain()
        if isinstance(message, Release):
            return self._release(message.reason)
        return super().handle(message)

    def read(self, letter: Letter) -> Order | None:
        """Put an assigned task into the waiting room, or return the order that starts it."""
        try:
            event = _assigned.decode(letter.data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.stray(letter, error)
            return None
        if self._draining:
            self.give_back([letter])
            return None
        run = self._runs.get(event.originator_id)
        if run is not None and run.attempt == event.attempt:
            # Redelivered while it runs here: the newer letter is the one to acknowledge.
            older, run.letter = run.letter, letter
            older.mailbox.forget([older])
            return None
        self._waiting.add(event, letter)
        return None

    def waiting_orders(self) -> list[Order]:
        """Return the orders that start as many waiting tasks as there are free places."""
        orders = []
        for waiting in self._waiting.take(self._agent.concurrency - len(self._runs)):
            if waiting.task_id in self._runs:
                self.give_back([waiting.letter], BUSY_SECONDS)
            else:
                orders.append(self._start(waiting))
        return orders

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback_: TracebackType | None,
    ) -> None:
        """Stop what runs before the supervisor starts this actor anew: nobody would hear its results."""
        for run in self._runs.values():
            run.stop()
        super().on_failure(exception_type, exception_value, traceback_)

    def close(self, *, give_back: bool) -> None:
        """Give back what is held, and tell handlers that wait for a report to be stored that nobody will store it."""
        self._reports.close()
        super().close(give_back=give_back)

    def _start(self, waiting: Waiting) -> Order:
        attempt = waiting.attempt
        run = _Run(waiting.task_id, attempt, waiting.letter, Backlog(waiting.task_id, attempt))
        self._runs[run.task_id] = run
        self._idle.clear()

        def decide(state: TaskState | None, now: datetime) -> list[TaskEvent]:
            if state is None or self._holds(state, attempt):
                return []
            if state.status == "running" and state.attempt == attempt:
                # The log says it runs, but nobody here runs it: its worker died with it.
                return task.fail_attempt(state, attempt, WORKER_LOST, now, retryable=True)
            return task.start(state, attempt, self._worker, now)

        def done(settled: Settled) -> None:
            if settled.error is not None:
                self._fail(run, settled.error)
            elif settled.state is not None and self._holds(settled.state, attempt):
                self._launch(run, settled.state)
            else:
                self._over(run)

        return Order(run.task_id, decide, done, version=waiting.version)

    def _holds(self, state: TaskState, attempt: int) -> bool:
        """Tell whether the log says that this very actor runs that attempt."""
        return state.status == "running" and state.attempt == attempt and state.worker == self._worker

    def _launch(self, run: _Run, state: TaskState) -> None:
        submitted = state.submitted
        if submitted is None or run.cancelled:
            self._over(run)
            return
        context = Context(
            task=task_of(state, submitted),
            report=lambda fraction, note: self._reports.report(run.backlog, fraction, note),
        )
        run.running = self._runner.run(
            self._agent,
            context.task,
            submitted.input,
            context,
            lambda outcome: self._conclude(run, outcome),
            submitted.timeout_seconds or self._agent.timeout_seconds,
        )

    def _conclude(self, run: _Run, outcome: Outcome) -> None:
        """Post what a handler came to, after its last report; from a thread of the runner."""
        self._reports.flush(run.backlog)
        self.post(self._end(run, outcome))

    def _end(self, run: _Run, outcome: Outcome) -> Order:
        """Return the order that records what a handler came to."""

        def decide(state: TaskState | None, now: datetime) -> list[TaskEvent]:
            if outcome.output is not None:
                return task.complete(state, run.attempt, outcome.output, now)
            error = outcome.error or NO_RESULT
            return task.fail_attempt(state, run.attempt, error, now, retryable=outcome.retryable)

        def done(settled: Settled) -> None:
            if settled.error is None:
                self._over(run)
            elif isinstance(settled.error, EventTooLargeError):
                self.post(self._end(run, failure(OUTPUT_TOO_LARGE, str(settled.error))))
            elif isinstance(settled.error, BrokenOrderError):
                self._fail(run, settled.error)
            else:
                self.post(self._end(run, outcome))

        return Order(run.task_id, decide, done)

    def _over(self, run: _Run) -> None:
        if self._dropped(run):
            self.ack(run.letter)

    def _fail(self, run: _Run, error: CallboardError) -> None:
        if self._dropped(run):
            self.fail(run.letter, error)

    def _dropped(self, run: _Run) -> bool:
        """Have ``run`` in hand no longer; tell whether it was."""
        mine = self._runs.get(run.task_id) is run
        if mine:
            del self._runs[run.task_id]
        if not self._runs:
            self._idle.set()
        return mine

    def _cancel(self, task_id: str) -> None:
        run = self._runs.get(task_id)
        if run is not None:
            run.cancelled = True
            run.stop()

    def _drain(self) -> threading.Event:
        self._draining = True
        for mailbox in self._mailboxes:
            mailbox.stop()
        self.give_back(self._waiting.clear())
        return self._idle

    def _release(self, reason: str) -> None:
        for run in self._runs.values():
            self._reports.flush(run.backlog)
        # What has ended by now is recorded, not done again.
        self._settle(self.inbox.take(len(self.inbox)))
        orders = []
        for run in self._runs.values():
            run.stop()
            orders.append(self._hand_back(run, reason))
        self._settle(list(orders))
        self._flush_acks()

    def _hand_back(self, run: _Run, reason: str) -> Order:
        def done(settled: Settled) -> None:
            if settled.error is None:
                self._over(run)
            else:
                self._fail(run, settled.error)

        return Order(run.task_id, lambda state, now: task.release(state, run.attempt, reason, now), done)
