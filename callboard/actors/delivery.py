"""The delivery actor: sends the end of a task where its submission asked for it, each attempt an event."""

import asyncio
import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final

import structlog
from msgspec import Struct

from callboard.actors.batch_actor import BatchActor
from callboard.actors.channels.backoff import delay_seconds
from callboard.actors.channels.channel import Channel, DeliveryError, DeliveryMessage
from callboard.actors.drain import Drain
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.actors.order import Order, Settled
from callboard.actors.result import body
from callboard.actors.settling import BrokenOrderError
from callboard.events import subjects, task
from callboard.events.errors import CallboardError, EventTooLargeError, InvalidValueError
from callboard.events.loop import Loop
from callboard.events.task import TaskState
from callboard.events.task_events import TaskError

log = structlog.get_logger()

WINDOW: Final = 2_000


class Plan(Struct, frozen=True, kw_only=True):
    """How often and after what pauses a delivery is tried again."""

    max_attempts: int
    base_seconds: float
    cap_seconds: float


class _Parcel(Struct, eq=False):
    """The deliveries of one task that are still to be made, and the letter that is held for them."""

    task_id: str
    letter: Letter
    open: set[int]


class _Try(Struct, frozen=True):
    """What one attempt came to: a receipt, or an error."""

    receipt: Any = None
    error: DeliveryError | None = None


class _Flight(Struct, eq=False):
    """One attempt under way: the pause before it, and from ``sending`` on the attempt itself."""

    future: "Future[None] | None" = None
    sending: bool = False

    def cancel(self) -> None:
        """End it, wherever it is."""
        if self.future is not None:
            self.future.cancel()


class Delivery(BatchActor):
    """Consumes completed and failed; appends delivered and delivery_failed.

    A letter is held until each of its task's targets is served or given up, so that a crash in between brings it again.
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
        self._parcels: dict[str, _Parcel] = {}
        self._flights: dict[tuple[str, int], _Flight] = {}
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
        for flight in self._flights.values():
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
        targets = {index for index, entry in enumerate(state.deliveries) if not entry.over}
        if not targets:
            self.ack(letter)
            return
        self._parcels[task_id] = _Parcel(task_id, letter, targets)
        for index in targets:
            # One that was tried before somebody died or stopped waits as it would have.
            attempts = state.deliveries[index].attempts
            self._send(state, index, self._pause(attempts, _Try()) if attempts else 0.0)

    def _send(self, state: TaskState, index: int, pause_seconds: float) -> None:
        if self._draining:
            return
        flight = self._flights[state.id, index] = _Flight()
        flight.future = self._loop.spawn(self._try(flight, state, index, pause_seconds))

    async def _try(self, flight: _Flight, state: TaskState, index: int, pause_seconds: float) -> None:
        await asyncio.sleep(pause_seconds)
        flight.sending = True
        attempt = state.deliveries[index].attempts + 1
        spec = state.submitted.delivery[index] if state.submitted is not None else {}
        try:
            message = DeliveryMessage(state.id, index, attempt, body(state), self.clock())
            result = _Try(receipt=await self._channels[spec["channel"]].send(spec, message))
        except DeliveryError as error:
            result = _Try(error=error)
        except Exception as error:
            log.exception("delivery.channel_failed", task_id=state.id, channel=spec.get("channel"))
            result = _Try(error=DeliveryError(f"{type(error).__name__}: {error}", retryable=True))
        self.post(self._record(state.id, index, attempt, result))

    def _record(self, task_id: str, index: int, attempt: int, result: _Try) -> Order:
        if result.error is None:
            return Order(
                task_id,
                lambda state, now: task.deliver(state, index, attempt, result.receipt, now),
                lambda settled: self._recorded(task_id, index, attempt, result, settled),
            )
        error = TaskError(type(result.error).__name__, str(result.error)[:2_000])
        final = not result.error.retryable or attempt >= self._plan.max_attempts
        return Order(
            task_id,
            lambda state, now: task.fail_delivery(state, index, attempt, error, now, final=final),
            lambda settled: self._recorded(task_id, index, attempt, result, settled),
        )

    def _recorded(self, task_id: str, index: int, attempt: int, result: _Try, settled: Settled) -> None:
        parcel, state = self._parcels.get(task_id), settled.state
        if parcel is not None and settled.error is not None:
            self._unrecorded(parcel, index, attempt, result, settled.error)
            return
        self._flights.pop((task_id, index), None)
        if parcel is None:
            pass
        elif state is not None and not state.deliveries[index].over:
            # As the log has it: an append that was taken for lost may have told of this attempt already.
            self._send(state, index, self._pause(state.deliveries[index].attempts, result))
        else:
            parcel.open.discard(index)
            if not parcel.open:
                del self._parcels[task_id]
                self.ack(parcel.letter)
        self._rest()

    def _unrecorded(self, parcel: _Parcel, index: int, attempt: int, result: _Try, error: CallboardError) -> None:
        if isinstance(error, EventTooLargeError) and result.receipt is not None:
            log.warning("delivery.receipt_dropped", task_id=parcel.task_id, index=index, error=str(error))
            self.post(self._record(parcel.task_id, index, attempt, _Try()))
        elif isinstance(error, BrokenOrderError):
            del self._parcels[parcel.task_id]
            self._flights.pop((parcel.task_id, index), None)
            self.fail(parcel.letter, error)
            self._rest()
        else:
            self.post(self._record(parcel.task_id, index, attempt, result))

    def _drain(self) -> threading.Event:
        """Take no more letters, try nothing again, and wait only for what is being sent."""
        self._draining = True
        for mailbox in self._mailboxes:
            mailbox.stop()
        for key, flight in list(self._flights.items()):
            if not flight.sending:
                flight.cancel()
                del self._flights[key]
        self._rest()
        return self._idle

    def _rest(self) -> None:
        if self._draining and not self._flights:
            self._idle.set()

    def _pause(self, attempts: int, result: _Try) -> float:
        retry_after = None if result.error is None else result.error.retry_after
        return delay_seconds(attempts, self._plan.base_seconds, self._plan.cap_seconds, retry_after, random.random)
