"""The scheduler: has the server keep the time of tasks that wait for theirs, and lets them go on when it has come."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog

from callboard.actors.almost_due import AlmostDue
from callboard.actors.batch_actor import BatchActor
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.actors.order import Order, Settled
from callboard.actors.timer_keeper import TimerKeeper
from callboard.events import subjects, task
from callboard.events.errors import CallboardError, InvalidValueError
from callboard.events.loop import Loop
from callboard.events.task import TaskState
from callboard.events.task_events import TaskEvent
from callboard.events.timers import LEAD, Key, Timer, Timers, due_at, timers_of

log = structlog.get_logger()

WINDOW: Final = 2_000
DUE_WINDOW: Final = 10_000
"""Timers that have fired and wait for their moment here are among them."""

GATHER_SECONDS: Final = 0.02
"""How long to wait for others that come due, for many to be decided in one append."""

SWEEP_SECONDS: Final = 5.0
"""How long timers that fired and were dealt with may lie in their stream, for many to be removed at once."""


class Scheduler(BatchActor):
    """Consumes scheduled and the timers that have come due; appends assigned and expired.

    A scheduled event is acknowledged once the server has its timer, a timer once its task has gone on. Until its very
    moment a timer that has fired is held here.
    """

    def __init__(
        self,
        *args: Any,
        timers: Timers,
        loop: Loop,
        open_mailboxes: Callable[[BatchActor], list[Mailbox]],
        **kwargs: Any,
    ) -> None:
        """``loop`` is that of the connection."""
        super().__init__(*args, **kwargs)
        self._timers = timers
        self._loop = loop
        self._open_mailboxes = open_mailboxes
        self._keeper = TimerKeeper(timers, loop)
        self._wanted: dict[Key, Timer] = {}
        self._almost_due = AlmostDue()
        self._alarm_at: float | None = None
        self._fired = False
        self._sweeping = False

    def mailboxes(self) -> list[Mailbox]:
        """Return the mailboxes of scheduled events and of timers."""
        # What was dealt with just before an earlier one ended lies there still.
        self._fired = True
        self._sweep_soon()
        return self._open_mailboxes(self)

    def read(self, letter: Letter) -> Order | None:
        """Return the order that looks up what to set a timer for, or that lets a task go on."""
        try:
            if letter.subject.startswith(subjects.DUE_PREFIX):
                return self._arrive(letter, *subjects.timer_key(letter.subject))
            return self._set(letter, *subjects.task_version(letter.subject))
        except InvalidValueError as error:
            self.stray(letter, error)
            return None

    def waiting_orders(self) -> list[Order]:
        """Return the orders for the timers whose moment has come."""
        now = time.monotonic()
        if self._alarm_at is not None and self._alarm_at <= now:
            self._alarm_at = None
        letters = self._almost_due.take(now, self.batch)
        return [self._fire(letter, *subjects.timer_key(letter.subject)) for letter in letters]

    def effects(self) -> None:
        """Set the timers of this batch, so that their events may be acknowledged; sweep up those that have fired."""
        if self._wanted:
            self._loop.run(self._timers.put(list(self._wanted.values())))
            self._drop_outdated()
            self._wanted = {}
        self._keeper.work()
        self._sweep_soon()
        self._set_alarm()

    def _set(self, letter: Letter, task_id: str, version: int) -> Order:
        def done(settled: Settled) -> None:
            if settled.error is not None:
                self.fail(letter, settled.error)
                return
            if settled.state is not None:
                self._wanted |= {timer.key: timer for timer in timers_of(settled.state) if timer.name == str(version)}
            self.ack(letter)

        return Order(task_id, lambda _state, _now: [], done, version=version)

    def _arrive(self, letter: Letter, task_id: str, name: str) -> Order | None:
        """Hold a timer until its moment, by our clock, but no longer than it fires early by the server's."""
        due = due_at(letter.data)
        seconds = 0.0 if due is None else min((due - self.clock()), LEAD).total_seconds()
        if seconds <= 0:
            return self._fire(letter, task_id, name)
        self._almost_due.add(letter, time.monotonic() + seconds)
        return None

    def _set_alarm(self) -> None:
        """Be woken when the next timer is due, unless something earlier does so."""
        next_at = self._almost_due.next_at
        if next_at is None or (self._alarm_at is not None and self._alarm_at <= next_at + GATHER_SECONDS):
            return
        self._alarm_at = next_at + GATHER_SECONDS
        self._loop.spawn(self._ring(self._alarm_at))

    async def _ring(self, at: float) -> None:
        await asyncio.sleep(at - time.monotonic())
        self._awake()

    def _fire(self, letter: Letter, task_id: str, name: str) -> Order:
        def decide(state: TaskState | None, now: datetime) -> list[TaskEvent]:
            # The server's clock says that it is time; ours may be behind.
            if name == subjects.EXPIRY:
                return task.expire(state, max(now, (state and task.expiry(state)) or now))
            return task.become_due(state, int(name), max(now, (state and state.due) or now))

        def done(settled: Settled) -> None:
            if settled.error is not None:
                self.fail(letter, settled.error)
                return
            self._keeper.note_end(settled)
            self._fired = True
            self.ack(letter)

        # A task that was seen to be past what its timer is about never comes back to it.
        return Order(task_id, decide, done, version=0 if name == subjects.EXPIRY else int(name))

    def _drop_outdated(self) -> None:
        """Remove timers of tasks that were called off between the look at their state and now."""
        known = self.tasks.known({task_id for task_id, _ in self._wanted})
        needed = {timer.key for each in known.values() for timer in timers_of(each.state)}
        self._keeper.drop([key for key in self._wanted if key[0] in known and key not in needed])

    def _sweep_soon(self) -> None:
        if self._fired and not self._sweeping:
            self._fired, self._sweeping = False, True
            self._loop.spawn(self._sweep())

    async def _sweep(self) -> None:
        await asyncio.sleep(SWEEP_SECONDS)
        self._sweeping = False
        try:
            await self._timers.sweep()
        except CallboardError as error:
            # The next time takes them, too.
            log.warning("timers.not_swept", error=str(error))
