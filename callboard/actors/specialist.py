"""The specialist: one agent's queue, its running handlers, and what became of them."""

import threading
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.actors.batch_actor import BatchActor
from callboard.actors.calling_off import CheckRuns, RunEnded
from callboard.actors.context import Context
from callboard.actors.conversation import Archive
from callboard.actors.drain import Drain
from callboard.actors.family import Nursery
from callboard.actors.joining import Joining, away
from callboard.actors.lease_holder import LeaseHolder
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.actors.order import Order, Settled
from callboard.actors.outcome import OUTPUT_TOO_LARGE, Outcome, failure
from callboard.actors.reports import Reports
from callboard.actors.rule_book import RuleBook
from callboard.actors.run import Run
from callboard.actors.runner import Runner
from callboard.actors.settling import BrokenOrderError
from callboard.actors.task import facts_of, task_of
from callboard.actors.user_cache import UserCache
from callboard.actors.waiting_room import Waiting
from callboard.events import task
from callboard.events.errors import CallboardError, EventTooLargeError
from callboard.events.task import TaskState
from callboard.events.task_events import Assigned, TaskError, TaskEvent

NO_RESULT: Final = TaskError("NoResult", "the handler ended without a result")
BUSY_SECONDS: Final = 1.0
_assigned: Final = msgspec.json.Decoder(Assigned)


class Release(Struct, frozen=True):
    """Hand what still runs back to the queue, for whoever comes next."""

    reason: str


class Specialist(LeaseHolder):
    """Consumes one agent's assigned tasks, strictest band first; appends started, progressed, completed, failed."""

    def __init__(
        self,
        *args: Any,
        runner: Runner,
        open_mailboxes: Callable[[BatchActor], list[Mailbox]],
        nursery: Nursery,
        archive: Archive,
        book: RuleBook,
        users: UserCache,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._runner = runner
        self._open_mailboxes = open_mailboxes
        self._nursery = nursery
        self._archive = archive
        self._book = book
        self._users = users
        self._runs: dict[str, Run] = {}
        self._draining = False
        self._reports = Reports(self.post)
        self._idle = threading.Event()
        self._idle.set()

    def mailboxes(self) -> list[Mailbox]:
        """Return the mailboxes of the agent's bands."""
        return self._open_mailboxes(self)

    def handle(self, message: Any) -> Any:
        """Stop one handler, check all of them, take no more work, or hand back what runs."""
        if isinstance(message, RunEnded):
            return self._run_ended(message)
        if isinstance(message, CheckRuns):
            return self._check_runs()
        if isinstance(message, Joining):
            message.note()
            return self._awake()
        if isinstance(message, Drain):
            return self._drain()
        if isinstance(message, Release):
            return self._release(message.reason)
        return super().handle(message)

    def read(self, letter: Letter) -> Order | None:
        """Let an assigned task wait, or return the order that finds out what became of it."""
        try:
            event = _assigned.decode(letter.data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.stray(letter, error)
            return None
        run = self._runs.get(event.originator_id)
        if run is not None and (run.life, run.attempt) == (event.life, event.attempt):
            # Redelivered while it runs here: the newer letter is the one to acknowledge.
            older, run.letter = run.letter, letter
            older.mailbox.forget([older])
            if run.joins:
                letter.mailbox.lend(letter)
            return None
        if self._draining:
            self.give_back([letter])
            return None
        if run is not None and run.version < event.originator_version:
            run.call_off(cancelled=False)
        if letter.ticket.delivered > 1 and run is None:
            return self.look(event, letter)
        self.waiting.add(event, letter)
        return None

    def waiting_orders(self) -> list[Order]:
        """Return the orders that start as many waiting tasks as there are free places."""
        orders: list[Order] = []
        if self.starts_wait():
            return orders
        while taken := self.waiting.take(self._free_places()):
            orders += [order for waiting in taken if (order := self._begin(waiting)) is not None]
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

    def _free_places(self) -> int:
        return max(0, self.agent.concurrency - sum(not run.joins for run in self._runs.values()))

    def _begin(self, waiting: Waiting) -> Order | None:
        """Return the order that starts an attempt whose turn it is, None when it cannot be started now."""
        letter = waiting.letter
        if not letter.ours:
            self.let_go(letter)
            return None
        if waiting.task_id in self._runs:
            self.give_back([letter], BUSY_SECONDS)
            return None
        run = self._runs[waiting.task_id] = Run.of(waiting)
        self._idle.clear()
        return self._start(run)

    def _start(self, run: Run) -> Order:
        lost = self.lost(run)

        def decide(state: TaskState | None, now: datetime) -> list[TaskEvent]:
            if state is None or not run.letter.ours:
                return []
            if run.concerns(state):
                return lost(state, now)
            return task.start(state, run.attempt, self.worker, now, life=run.life)

        def done(settled: Settled) -> None:
            if settled.error is not None:
                self._fail(run, settled.error)
            elif settled.state is not None and self.holds(settled.state, run):
                self._launch(run, settled.state)
            else:
                self._over(run)

        return Order(run.task_id, decide, done, version=run.version)

    def _launch(self, run: Run, state: TaskState) -> None:
        submitted = state.submitted
        if submitted is None or run.called_off:
            self._over(run)
            return
        run.failures = state.attempt - state.released
        mine = task_of(state, submitted)
        context = Context(
            task=mine,
            family=self._nursery.family(mine, away(self.actor_ref, run)),
            conversation=self._archive.conversation(mine),
            rules=self._book.defaults(mine.user_id, lambda: facts_of(mine, msgspec.json.decode(submitted.input))),
            user=self._users.acquaintance(mine, run.letter.ticket.sequence) if mine.user_id is not None else None,
            report=lambda fraction, note: self._reports.report(run.backlog, fraction, note),
        )
        run.running = self._runner.run(
            self.agent,
            context.task,
            submitted.input,
            context,
            lambda outcome: self._conclude(run, outcome),
            submitted.timeout_seconds or self.agent.timeout_seconds,
        )

    def _conclude(self, run: Run, outcome: Outcome) -> None:
        """Post what a handler came to, after its last report; from a thread of the runner."""
        self._reports.flush(run.backlog)
        self.post(self._end(run, outcome))

    def _end(self, run: Run, outcome: Outcome) -> Order:
        """Return the order that records what a handler came to."""
        pause = outcome.after_seconds
        if pause is None:
            pause = self.agent.backoff.seconds(run.failures, self.chance())

        def decide(state: TaskState | None, now: datetime) -> list[TaskEvent]:
            if outcome.output is not None:
                return task.complete(state, run.attempt, outcome.output, now, life=run.life)
            error, retryable = outcome.error or NO_RESULT, outcome.retryable
            return task.fail_attempt(
                state, run.attempt, error, now, retryable=retryable, life=run.life, delay_seconds=pause
            )

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

    def _over(self, run: Run) -> None:
        if self._dropped(run):
            self.let_go(run.letter)

    def _fail(self, run: Run, error: CallboardError) -> None:
        if self._dropped(run):
            self.fail(run.letter, error)

    def _dropped(self, run: Run) -> bool:
        """Have ``run`` in hand no longer; tell whether it was."""
        mine = self._runs.get(run.task_id) is run
        if mine:
            del self._runs[run.task_id]
            # What runs knows its run, too: as a circle, both would stay until the next search for garbage.
            run.running = None
        if not self._runs:
            self._idle.set()
        return mine

    def _run_ended(self, ended: RunEnded) -> None:
        run = self._runs.get(ended.task_id)
        if run is not None and run.version < ended.version:  # else it is about an earlier attempt
            run.call_off(cancelled=ended.cancelled)

    def _check_runs(self) -> None:
        for run in self._runs.values():
            if run.running is not None:
                self.post(self._check(run))

    def _check(self, run: Run) -> Order:
        def done(settled: Settled) -> None:
            state = settled.state
            if state is not None and not self.holds(state, run):
                run.call_off(cancelled=state.status == "cancelled")

        return Order(run.task_id, lambda _state, _now: [], done)

    def _drain(self) -> threading.Event:
        self._draining = True
        for mailbox in self._mailboxes:
            mailbox.stop()
        self.give_back(self.waiting.clear())
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

    def _hand_back(self, run: Run, reason: str) -> Order:
        def done(settled: Settled) -> None:
            if settled.error is None:
                self._over(run)
            else:
                self._fail(run, settled.error)

        return Order(run.task_id, lambda state, now: task.release(state, run.attempt, reason, now, life=run.life), done)
