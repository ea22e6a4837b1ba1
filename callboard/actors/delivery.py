"""The delivery actor: sends the end of a task where its submission asked for it, each attempt an event."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final

import structlog
from msgspec import structs

from callboard.actors import attempt
from callboard.actors.attempt import Attempt
from callboard.actors.batch_actor import RETRY_SECONDS, BatchActor
from callboard.actors.channels.channel import Channel, Lane
from callboard.actors.drain import Drain
from callboard.actors.lanes import Lanes
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.actors.order import Order, Settled
from callboard.actors.parcel import Flight, Parcel
from callboard.actors.plan import Plan, detour_seconds
from callboard.actors.settling import BrokenOrderError
from callboard.events import subjects, task
from callboard.events.errors import CallboardError, EventTooLargeError, InvalidValueError
from callboard.events.loop import Loop
from callboard.events.task import DeliveryState, TaskState

log = structlog.get_logger()

WINDOW: Final = 2_000
PLACES: Final = WINDOW // 2
"""For deliveries that wait for a receiver. A mailbox pulls on once a quarter of its window is free."""

Turn = AbstractAsyncContextManager[Any]
_FREE: Final[Turn] = nullcontext()


class Delivery(BatchActor):
    """Consumes completed and failed; appends delivered and delivery_failed.

    A letter is held while one of its task's targets is being sent to or waits for its turn. Else it is acknowledged
    when all are served or given up, or goes back to the server until the next attempt is due: what hangs, however much
    it is, holds up nothing else. What was tried is in the log; whoever gets the letter again goes on from there.
    """

    def __init__(
        self,
        *args: Any,
        channels: Mapping[str, Channel],
        plan: Plan,
        loop: Loop,
        open_mailboxes: Callable[[BatchActor], list[Mailbox]],
        **kwargs: Any,
    ) -> None:
        """``loop`` runs the channels; it is not the one that does the NATS I/O."""
        super().__init__(*args, **kwargs)
        self._channels = channels
        self._plan = plan
        self._loop = loop
        self._open_mailboxes = open_mailboxes
        self._parcels: dict[str, Parcel] = {}
        self._lanes = Lanes(PLACES)
        self._draining = False
        self._idle = threading.Event()

    def mailboxes(self) -> list[Mailbox]:
        """Return the mailboxes of completed and of failed tasks."""
        return self._open_mailboxes(self)

    def handle(self, message: Any) -> Any:
        """Take no more work, or whatever any actor does."""
        return self._drain() if isinstance(message, Drain) else super().handle(message)

    def read(self, letter: Letter) -> Order | None:
        """Return the order that looks up where the result of an ended task is to go."""
        try:
            task_id, version = subjects.task_version(letter.subject)
        except InvalidValueError as error:
            self.stray(letter, error)
            return None
        if self._draining:
            self.give_back([letter])
            return None
        if self._on_its_way(task_id, letter):
            return None
        if self._asks_for_nothing(task_id):
            self.ack(letter)
            return None
        return Order(
            task_id,
            lambda _state, _now: [],
            lambda settled: self._dispatch(task_id, letter, settled),
            version=version,
        )

    def close(self, *, give_back: bool) -> None:
        """Stop sending, which the next one begins anew, and give back what is not delivered."""
        for parcel in self._parcels.values():
            parcel.forget_reminders()
            for flight in parcel.flights.values():
                flight.cancel()
        super().close(give_back=give_back)

    def _on_its_way(self, task_id: str, letter: Letter) -> bool:
        """Tell whether the task's deliveries are being made; ``letter`` is then a newer copy of theirs."""
        parcel = self._parcels.get(task_id)
        if parcel is None:
            return False
        older, parcel.letter = parcel.letter, letter
        older.mailbox.forget([older])
        return True

    def _asks_for_nothing(self, task_id: str) -> bool:
        """Tell whether the submission is known and names no target: true of most tasks, and it never changes."""
        known = self.tasks.known((task_id,)).get(task_id)
        return known is not None and known.state.submitted is not None and not known.state.deliveries

    def _dispatch(self, task_id: str, letter: Letter, settled: Settled) -> None:
        state = settled.state
        if settled.error is not None:
            self.fail(letter, settled.error)
            return
        if self._on_its_way(task_id, letter):
            return
        if state is None or state.status not in task.DELIVERABLE:
            self.ack(letter)
            return
        targets = [index for index, entry in enumerate(state.deliveries) if not entry.over]
        if not targets:
            self.ack(letter)
            return
        parcel = self._parcels[task_id] = Parcel(task_id, letter)
        for index in targets:
            self._begin(parcel, state, index)
        self._carry_on(parcel)

    def _begin(self, parcel: Parcel, state: TaskState, index: int) -> None:
        """Send to a target that is still open, or note when that is to be tried."""
        parcel.later.pop(index, None)
        if state.deliveries[index].over:
            return
        lane = self._lane(state, index)
        wait = self._wait(state.deliveries[index])
        if self._draining or wait > 0:
            parcel.later[index] = time.monotonic() + wait
        elif (turn := _FREE if lane is None else self._lanes.enter(lane)) is None:
            parcel.later[index] = time.monotonic() + detour_seconds(parcel.letter.ticket.delivered)
        else:
            flight = parcel.flights[index] = Flight(lane)
            flight.future = self._loop.spawn(self._try(parcel, flight, turn, state, index))

    def _carry_on(self, parcel: Parcel) -> None:
        """Hold the letter while something of it is in flight; else acknowledge it, or have it again when it is due."""
        if parcel.flights:
            self._remind(parcel)
            return
        del self._parcels[parcel.task_id]
        parcel.forget_reminders()
        if parcel.later:
            self.give_back([parcel.letter], max(0.0, min(parcel.later.values()) - time.monotonic()))
        else:
            self.ack(parcel.letter)
        self._rest()

    def _remind(self, parcel: Parcel) -> None:
        for index in parcel.later.keys() - parcel.reminders.keys():
            if not self._draining:
                parcel.reminders[index] = self._loop.spawn(self._wait_until(parcel, index, parcel.later[index]))

    async def _wait_until(self, parcel: Parcel, index: int, moment: float) -> None:
        await asyncio.sleep(moment - time.monotonic())
        # Any version will do: the state is looked up only where it is not known at all.
        self.post(
            Order(
                parcel.task_id,
                lambda _state, _now: [],
                lambda settled: self._due(parcel, index, settled),
                version=0,
            )
        )

    def _due(self, parcel: Parcel, index: int, settled: Settled) -> None:
        if not self._has(parcel):
            return
        parcel.reminders.pop(index, None)
        if settled.state is None:
            parcel.later[index] = time.monotonic() + RETRY_SECONDS
        else:
            self._begin(parcel, settled.state, index)
        self._carry_on(parcel)

    async def _try(self, parcel: Parcel, flight: Flight, turn: Turn, state: TaskState, index: int) -> None:
        async with turn:
            flight.sending = True
            made = await attempt.make(self._channels, state, index, self.clock)
        self._record(parcel, made)

    def _record(self, parcel: Parcel, made: Attempt) -> None:
        self.post(made.order(self._plan, lambda settled: self._recorded(parcel, made, settled)))

    def _recorded(self, parcel: Parcel, made: Attempt, settled: Settled) -> None:
        if not self._has(parcel):
            return
        if settled.error is not None:
            self._unrecorded(parcel, made, settled.error)
            return
        self._land(parcel, made.index)
        if settled.state is not None:
            # As the log has it: an append that was taken for lost may have told of this attempt already.
            self._begin(parcel, settled.state, made.index)
        self._carry_on(parcel)

    def _unrecorded(self, parcel: Parcel, made: Attempt, error: CallboardError) -> None:
        if isinstance(error, EventTooLargeError) and made.receipt is not None:
            log.warning("delivery.receipt_dropped", task_id=parcel.task_id, index=made.index, error=str(error))
            self._record(parcel, structs.replace(made, receipt=None))
        elif isinstance(error, BrokenOrderError):
            for index in list(parcel.flights):
                self._land(parcel, index).cancel()
            parcel.forget_reminders()
            del self._parcels[parcel.task_id]
            self.fail(parcel.letter, error)
            self._rest()
        else:
            self._record(parcel, made)

    def _has(self, parcel: Parcel) -> bool:
        return self._parcels.get(parcel.task_id) is parcel

    def _land(self, parcel: Parcel, index: int) -> Flight:
        """Free the place of a flight that is over, or to be ended, and return it."""
        flight = parcel.flights.pop(index)
        if flight.lane is not None:
            self._lanes.leave(flight.lane)
        return flight

    def _drain(self) -> threading.Event:
        """Take no more letters, give back those of which nothing is being sent, and wait only for the others."""
        self._draining = True
        for mailbox in self._mailboxes:
            mailbox.stop()
        for parcel in list(self._parcels.values()):
            for index in [index for index, flight in parcel.flights.items() if not flight.sending]:
                self._land(parcel, index).cancel()
                parcel.later[index] = time.monotonic()
            self._carry_on(parcel)
        self._rest()
        return self._idle

    def _rest(self) -> None:
        if self._draining and not self._parcels:
            self._idle.set()

    def _lane(self, state: TaskState, index: int) -> Lane | None:
        spec = state.targets[index]
        channel = self._channels.get(str(spec.get("channel")))
        try:
            return None if channel is None else channel.lane(spec)
        except Exception:
            log.exception("delivery.channel_failed", task_id=state.id, channel=spec.get("channel"))
            return None

    def _wait(self, entry: DeliveryState) -> float:
        """Return for how many seconds a target is still to be left alone."""
        left = 0.0 if entry.next_at is None else (entry.next_at - self.clock()).total_seconds()
        # A clock that was set back must not make it longer than it ever is.
        return min(max(0.0, left), self._plan.cap_seconds)
