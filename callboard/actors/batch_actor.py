"""The loop every actor on the log shares: take what is queued, settle it, run effects, acknowledge last."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import pykka
import structlog

from callboard.actors.crash import log_crash
from callboard.actors.inbox import Inbox
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.actors.order import Order, Settled
from callboard.actors.petition import Petition
from callboard.actors.settling import Settling
from callboard.actors.task_log import TaskLog
from callboard.actors.timer_keeper import TimerKeeper
from callboard.events.errors import CallboardError, LogRefusedError, LogUnavailableError

log = structlog.get_logger()

BATCH: Final = 500
RETRY_SECONDS: Final = 1.0
POISON_DELIVERIES: Final = 3
"""A message that cannot be dealt with on this delivery either is set aside."""

PARKED_SECONDS: Final = 300.0
"""How long a message is left alone that nobody can deal with now, but that must not be lost."""


class _Wake:
    """The actor's own message to itself: there is something in the inbox."""


class _NoLongerWaitingError(CallboardError):
    """Everything is being stopped while the log is out of reach: what is in hand comes again another time."""


class Begin:
    """Start the mailboxes; asked, so that a failure reaches whoever starts the actor."""


WAKE: Final = _Wake()


def utc_now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)


class BatchActor(pykka.ThreadingActor):
    """An actor whose work is decisions about tasks.

    Subclasses say what to read from a letter (:meth:`read`) and which mailboxes they have (:meth:`mailboxes`).
    """

    use_daemon_thread = True
    batch: int = BATCH
    """How many letters and orders are settled at a time."""

    def __init__(
        self,
        name: str,
        tasks: TaskLog,
        crashed: Callable[[str, BaseException], None],
        clock: Callable[[], datetime] = utc_now,
        stopping: threading.Event | None = None,
        timer_keeper: TimerKeeper | None = None,
    ) -> None:
        """``stopping`` is set by others when nobody is to wait any longer for a log that is out of reach.

        ``timer_keeper`` looks after the timers of tasks that this actor lets in, or ends before they were started.
        """
        super().__init__()
        self.name = name
        self.clock = clock
        self.inbox: Inbox[Letter | Petition | Order] = Inbox(self._awake)
        self.stopping = stopping or threading.Event()
        self.tasks = tasks
        self._settling = Settling(tasks, clock)
        self._timer_keeper = timer_keeper
        self._crashed = crashed
        self._mailboxes: list[Mailbox] = []
        self._acks: dict[Mailbox, list[Letter]] = {}
        self._ended = False

    # --- what subclasses say

    def mailboxes(self) -> list[Mailbox]:
        """Return the mailboxes of this actor, not yet started."""
        return []

    def read(self, letter: Letter) -> Order | None:
        """Return what ``letter`` asks for, or None when it was dealt with at once.

        What it raises concerns that letter alone: it is tried again, and set aside in the end.
        """
        raise NotImplementedError

    def waiting_orders(self) -> list[Order]:
        """Return orders that do not come out of the inbox: what an earlier letter left to be done later."""
        return []

    def grant(self, petition: Petition) -> Order | None:
        """Return what ``petition`` asks for, or None when it was answered at once. Raises nothing."""
        raise TypeError(f"actor {self.name} takes no petitions, got one for {petition.task_id}")

    def effects(self) -> None:
        """Run what the settled batch left to be done, before its letters are acknowledged."""

    def poisoned(self, letter: Letter, error: Exception) -> None:
        """Deal with a letter that could not be dealt with time after time; by default it waits for better days."""
        log.error("actor.poisoned", actor=self.name, subject=letter.subject, exc_info=error)
        self.give_back([letter], PARKED_SECONDS)

    def handle(self, message: Any) -> Any:
        """Handle a message that only this kind of actor knows."""
        raise TypeError(f"actor {self.name} does not know what to do with {message!r}")

    # --- from any thread

    def post(self, order: Order) -> None:
        """Put an order into the inbox, from any thread."""
        self.inbox.put([order])

    # --- the loop, on the actor's thread

    def on_receive(self, message: Any) -> Any:
        """Handle one message of the actor's own: start, wake, or what a subclass knows."""
        if message is WAKE:
            self._wake()
        elif isinstance(message, Begin):
            self._mailboxes = self.mailboxes()
            for mailbox in self._mailboxes:
                mailbox.start()
        elif isinstance(message, Order):
            self.inbox.put([message])
        elif isinstance(message, list):
            self.inbox.put(message)
        else:
            return self.handle(message)
        return None

    def left(self) -> list[Letter | Petition | Order]:
        """Empty the inbox and return what was in it or on its way to it; for an actor that ends."""
        left, others = self.inbox.take(len(self.inbox)), []
        while not self.actor_inbox.empty():
            envelope = self.actor_inbox.get()
            if isinstance(envelope.message, list):
                left += envelope.message
            elif isinstance(envelope.message, Order):
                left.append(envelope.message)
            else:
                others.append(envelope)
        for envelope in others:
            self.actor_inbox.put(envelope)
        return left

    def ack(self, letter: Letter) -> None:
        """Acknowledge ``letter`` at the end of this batch."""
        self._acks.setdefault(letter.mailbox, []).append(letter)

    def fail(self, letter: Letter, error: Exception) -> None:
        """Answer for a letter that could not be dealt with: have it again in a moment, or give up on it."""
        if letter.ticket.delivered >= POISON_DELIVERIES:
            self.poisoned(letter, error)
            return
        log.warning("actor.letter_failed", actor=self.name, subject=letter.subject, error=repr(error))
        self.give_back([letter], RETRY_SECONDS)

    def stray(self, letter: Letter, error: Exception) -> None:
        """Leave a message alone that somebody published past callboard: no event looks like that."""
        source = letter.mailbox.source
        log.warning("log.stray_message", stream=source.stream, seq=letter.ticket.sequence, error=str(error))
        self.ack(letter)

    def give_back(self, letters: Iterable[Letter], delay_seconds: float = 0.0) -> None:
        """Return ``letters`` to their queues."""
        for letter in letters:
            letter.mailbox.give_back([letter], delay_seconds)

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback_: TracebackType | None,
    ) -> None:
        """Give everything back to the queue and tell the supervisor. Called by Pykka when the loop raised."""
        error = log_crash(self.name, exception_type, exception_value, traceback_)
        self.close(give_back=True)
        self._crashed(self.name, error)

    def on_stop(self) -> None:
        """Give what is held back to the queue."""
        self.close(give_back=True)

    def close(self, *, give_back: bool) -> None:
        """Pull no more; with ``give_back``, return what is held at once instead of after the ack wait."""
        for mailbox in self._mailboxes:
            try:
                mailbox.stop(give_back=give_back)
            except Exception as error:  # noqa: BLE001 - the others are to be closed all the same
                log.warning("actor.close_failed", actor=self.name, error=repr(error))

    def _awake(self) -> None:
        try:
            self.actor_ref.tell(WAKE)
        except pykka.ActorDeadError:
            # What waits here comes again through the next actor's mailbox.
            log.debug("actor.woken_dead", actor=self.name)

    def _wake(self) -> None:
        if self._ended:
            return
        try:
            self._work()
        except _NoLongerWaitingError as error:
            self._ended = True
            log.warning("actor.work_left", actor=self.name, error=str(error))

    def _work(self) -> None:
        items = self.inbox.take(self.batch)
        busy = self._settle(items)
        self._flush_acks()
        if items or busy:
            # One burst at a time, so that a stop between two bursts is heard.
            self._awake()

    def _settle(self, items: Sequence[Letter | Petition | Order]) -> bool:
        """Settle ``items`` and what else waits; tell whether there was anything to decide."""
        orders = []
        for item in items:
            order = item if isinstance(item, Order) else self._read(item)
            if order is not None:
                orders.append(order)
        orders += self.waiting_orders()
        for order, settled in self._all_settled(orders):
            order.done(settled)
            if self._timer_keeper is not None:
                self._timer_keeper.note(settled)
        if self._timer_keeper is not None:
            self.insist(self._timer_keeper.work)
        self.insist(self.effects)
        return bool(orders)

    def _read(self, item: Letter | Petition) -> Order | None:
        if isinstance(item, Petition):
            return self.grant(item)
        try:
            return self.read(item)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other letters have nothing to do with it
            self.fail(item, error)
            return None

    def _all_settled(self, orders: list[Order]) -> Iterator[tuple[Order, Settled]]:
        """Settle ``orders``, all of them, however long the log is out of reach."""
        rest = deque(orders)

        def some() -> Iterator[tuple[Order, Settled]]:
            for order, settled in self._settling.settle(list(rest)):
                rest.popleft()
                yield order, settled

        while rest:
            try:
                yield from some()
            except (LogUnavailableError, LogRefusedError) as error:
                self._wait_for_log(error)

    def insist(self, work: Callable[[], None]) -> None:
        """Do ``work`` until the log lets it be done, however long that is out of reach."""
        while True:
            try:
                return work()
            except LogUnavailableError as error:
                self._wait_for_log(error)

    def _wait_for_log(self, error: Exception) -> None:
        """Wait a moment; what is held stays ours by in-progress acknowledgements."""
        log.error("actor.log_unavailable", actor=self.name, error=str(error))
        if self.stopping.wait(RETRY_SECONDS):
            raise _NoLongerWaitingError(str(error)) from error

    def _flush_acks(self) -> None:
        acks, self._acks = self._acks, {}
        for mailbox, letters in acks.items():
            mailbox.ack(letters)
