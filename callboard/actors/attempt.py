"""One attempt to deliver: how it is made, and the order that records what it came to."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from msgspec import Struct

from callboard.actors.channels.channel import Channel, DeliveryError, DeliveryMessage
from callboard.actors.order import Order, Settled
from callboard.actors.plan import Plan
from callboard.actors.result import body
from callboard.events import task
from callboard.events.task import TaskState
from callboard.events.task_events import TaskError

log = structlog.get_logger()

MAX_ERROR: Final = 2_000


class Attempt(Struct, frozen=True):
    """The ``number``-th attempt at a task's ``index``-th target, in its ``life``: a receipt, or an error."""

    task_id: str
    index: int
    number: int
    life: int = 1
    receipt: Any = None
    error: DeliveryError | None = None

    def order(self, plan: Plan, done: Callable[[Settled], None]) -> Order:
        """Return what records it."""
        if self.error is None:
            return Order(
                self.task_id,
                lambda state, now: task.deliver(state, self.index, self.number, self.receipt, now, life=self.life),
                done,
            )
        error = TaskError(type(self.error).__name__, str(self.error)[:MAX_ERROR])
        final, pause = plan.final(self.number, self.error), plan.pause_seconds(self.number, self.error)
        return Order(
            self.task_id,
            lambda state, now: task.fail_delivery(
                state, self.index, self.number, error, now, final=final, pause_seconds=pause, life=self.life
            ),
            done,
        )


async def make(channels: Mapping[str, Channel], state: TaskState, index: int, clock: Callable[[], datetime]) -> Attempt:
    """Send the end of a task to its ``index``-th target and return what that came to."""
    number = state.deliveries[index].attempts + 1
    spec = state.targets[index]
    try:
        message = DeliveryMessage(state.id, index, number, body(state), clock(), state.life)
        receipt = await channels[spec["channel"]].send(spec, message)
    except DeliveryError as error:
        return Attempt(state.id, index, number, state.life, error=error)
    except Exception as error:
        log.exception("delivery.channel_failed", task_id=state.id, channel=spec.get("channel"))
        failed = DeliveryError(f"{type(error).__name__}: {error}", retryable=True)
        return Attempt(state.id, index, number, state.life, error=failed)
    return Attempt(state.id, index, number, state.life, receipt)
