"""From orders to stored events: load, decide, append as one atomic batch; on conflict once more, then one by one."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

import structlog
from eventsourcing.persistence import StoredEvent

from callboard.actors.order import Order, Settled
from callboard.actors.state_cache import Known
from callboard.actors.task_log import TaskLog
from callboard.events.appender import MAX_BATCH
from callboard.events.errors import (
    BatchTooLargeError,
    CallboardError,
    EventTooLargeError,
    LogRefusedError,
    LogUnavailableError,
    VersionConflictError,
)
from callboard.events.task import TaskState, evolve
from callboard.events.task_events import TaskEvent

log = structlog.get_logger()

MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
MAX_CONFLICTS: Final = 20


class ConflictsExhaustedError(CallboardError):
    """One task kept changing under a decision, time after time."""

    def __init__(self, task_id: str, count: int) -> None:
        super().__init__(f"task {task_id} changed {count} times while one decision about it was to be stored")
        self.task_id, self.count = task_id, count


class BrokenOrderError(CallboardError):
    """Deciding about one task raised, or what the log has of it cannot be read; nothing was stored."""

    def __init__(self, task_id: str, cause: Exception) -> None:
        super().__init__(f"deciding about task {task_id} failed: {type(cause).__name__}: {cause}")
        self.task_id, self.__cause__ = task_id, cause


class Settling:
    """Settles orders against one log. Not for several threads at once."""

    def __init__(self, tasks: TaskLog, clock: Callable[[], datetime]) -> None:
        self._tasks = tasks
        self._clock = clock

    def settle(self, orders: Sequence[Order]) -> Iterator[tuple[Order, Settled]]:
        """Decide and store ``orders``, yielding each with its settled once its events are stored.

        A settled carries an error where the log would not have the events, or where the order itself is broken: it
        holds up no other. Orders on one task are decided in turn.

        Raises:
            LogUnavailableError, LogRefusedError: the log is out of reach; orders not yet yielded are not settled.
        """
        rest = list(orders)
        while rest:
            try:
                batch = _Batch(self._tasks, rest, self._clock())
                count = batch.decide()
            except (LogUnavailableError, LogRefusedError):
                raise
            except Exception:  # noqa: BLE001 - one of them is broken; each by itself, they show which
                yield from self._one_by_one(rest)
                return
            yield from self._store(batch, rest[:count])
            rest = rest[count:]

    def _store(self, batch: "_Batch", orders: list[Order]) -> Iterator[tuple[Order, Settled]]:
        try:
            yield from batch.append()
        except VersionConflictError:
            yield from self._again(orders)
        except (LogUnavailableError, LogRefusedError):
            raise
        except Exception:  # noqa: BLE001 - an event that cannot be stored, as one too large; it shows by itself
            yield from self._one_by_one(orders)

    def _again(self, orders: list[Order]) -> Iterator[tuple[Order, Settled]]:
        try:
            batch = _Batch(self._tasks, orders, self._clock(), reload=True)
            count = batch.decide()
            yield from batch.append()
        except (LogUnavailableError, LogRefusedError):
            raise
        except Exception:  # noqa: BLE001 - another conflict, or an order that is broken in the light of the log
            yield from self._one_by_one(orders)
        else:
            yield from self.settle(orders[count:])

    def _one_by_one(self, orders: list[Order]) -> Iterator[tuple[Order, Settled]]:
        for order in orders:
            yield order, self._alone(order)

    def _alone(self, order: Order) -> Settled:
        for _ in range(MAX_CONFLICTS):
            try:
                batch = _Batch(self._tasks, [order], self._clock(), reload=True)
                batch.decide()
                return next(batch.append())[1]
            except VersionConflictError:
                log.debug("actor.conflict", task_id=order.task_id)
            except (EventTooLargeError, BatchTooLargeError) as error:
                return Settled(None, [], error=error)
            except (LogUnavailableError, LogRefusedError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this order alone
                return Settled(None, [], error=BrokenOrderError(order.task_id, error))
        return Settled(None, [], error=ConflictsExhaustedError(order.task_id, MAX_CONFLICTS))


class _Batch:
    """The decisions of some orders, as many as one append holds."""

    def __init__(self, tasks: TaskLog, orders: list[Order], now: datetime, *, reload: bool = False) -> None:
        self._tasks = tasks
        self._orders = orders
        self._now = now
        self._known: dict[str, Known] = {}
        self._loaded: set[str] = set()
        task_ids = {order.task_id for order in orders}
        if reload:
            tasks.forget(task_ids)
            self._load(task_ids)
        else:
            self._known = tasks.known(task_ids)
            self._load({order.task_id for order in orders if self._is_behind(order)})

    def decide(self) -> int:
        """Decide the orders in turn until one append is full; return how many were decided, at least one."""
        while True:
            doubtful = self._decide()
            if not doubtful:
                return len(self._plans)
            self._load(doubtful)

    def _is_behind(self, order: Order) -> bool:
        """Tell whether what the cache has cannot be enough to decide ``order``."""
        known = self._known.get(order.task_id)
        if known is None:
            return not order.fresh
        return order.version is not None and known.state.version < order.version

    def _load(self, task_ids: set[str]) -> None:
        if task_ids:
            self._known |= self._tasks.load(task_ids)
            self._loaded |= task_ids

    def _decide(self) -> set[str]:
        """Decide, and return the tasks about which a cached state says that there is nothing to be done.

        The log refuses events that were decided on an old state. Nobody refuses to do nothing: that takes the newest.
        """
        self._stored: list[StoredEvent] = []
        self._plans: list[tuple[Order, TaskState | None, list[TaskEvent], int]] = []
        self._states: dict[str, TaskState | None] = {key: known.state for key, known in self._known.items()}
        doubtful: set[str] = set()
        size = 0
        for order in self._orders:
            state = self._states.get(order.task_id)
            events = order.decide(state, self._now)
            if not events and order.version is None and order.task_id not in self._loaded:
                doubtful.add(order.task_id)
            stored = [record for event in events for record in self._tasks.records(event, state, self._states)]
            size += sum(len(event.state) for event in stored)
            full = len(self._stored) + len(stored) > MAX_BATCH or size > MAX_BATCH_BYTES
            if full and self._plans:
                break
            for event in events:
                state = evolve(state, event)
            self._states[order.task_id] = state
            self._stored += stored
            self._plans.append((order, state, events, len(stored)))
        return doubtful

    def append(self) -> Iterator[tuple[Order, Settled]]:
        """Store what was decided, then yield each order with its settled; raises as the log's append does."""
        seqs = iter(self._tasks.append(self._stored) if self._stored else [])
        last = {task_id: known.seq for task_id, known in self._known.items()}
        settleds = []
        for order, state, events, count in self._plans:
            for _ in range(count):
                last[order.task_id] = next(seqs)
            settleds.append((order, Settled(state, events, last.get(order.task_id, 0))))
        self._tasks.remember(
            [Known(state, last[key]) for key, state in self._states.items() if state is not None and key in last]
        )
        yield from settleds
