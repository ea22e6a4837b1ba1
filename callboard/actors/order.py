"""One unit of work for an actor that writes to the log."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from callboard.events.errors import CallboardError
from callboard.events.task import TaskState
from callboard.events.task_events import TaskEvent

Decision = Callable[[TaskState | None, datetime], list[TaskEvent]]


class Settled(Struct, frozen=True):
    """What an order came to: the task's state now, the events it added, the stream sequence of the task's last event.

    ``error`` is set, and nothing was added, when the log would not have the events or there was no deciding.
    """

    state: TaskState | None
    events: list[TaskEvent]
    seq: int = 0
    error: CallboardError | None = None


class Order(Struct, frozen=True, eq=False):
    """Decide about one task, append what follows, then tell ``done``.

    ``decide`` is pure and may be called more than once. ``done`` runs on the actor's thread after the append; effects
    and acknowledgements belong there. ``fresh`` says that the task most likely does not exist yet, so that deciding
    need not wait for a look into the log. ``version`` is that of the event the order is about: the decision is taken on
    a state no older than that.
    """

    task_id: str
    decide: Decision
    done: Callable[[Settled], None]
    fresh: bool = False
    version: int | None = None
