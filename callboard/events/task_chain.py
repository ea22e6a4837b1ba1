"""Events that follow from one decision about a task: one version after the other, at one moment."""

from datetime import datetime
from typing import Any, Final

from callboard.events.task_events import TaskError, TaskEvent
from callboard.events.task_state import TaskState

MAX_TEXT: Final = 8_192
"""Longest error, note or reason that is stored, in characters; what is longer is cut."""


class Chain:
    """Grows by :meth:`add`; ``events`` are what the decision yields."""

    __slots__ = ("_at", "_task_id", "_version", "events")

    def __init__(self, task_id: str, version: int, at: datetime) -> None:
        """``version`` is that of the task's last event, 0 for a task that is not there yet."""
        self._task_id = task_id
        self._version = version
        self._at = at
        self.events: list[TaskEvent] = []

    @classmethod
    def after(cls, state: TaskState, at: datetime) -> "Chain":
        """Return a chain that goes on where ``state`` ends."""
        return cls(state.id, state.version, at)

    def add(self, cls: type[TaskEvent], /, **fields: Any) -> "Chain":
        """Append an event of ``cls`` with its own ``fields``."""
        self._version += 1
        event = cls(originator_id=self._task_id, originator_version=self._version, at=self._at, **fields)
        self.events.append(event)
        return self


def text(value: str) -> str:
    """Cut what is too long, and replace lone surrogates: no JSON text holds them."""
    if len(value) > MAX_TEXT:
        value = f"{value[: MAX_TEXT - 1]}…"
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def fit(error: TaskError) -> TaskError:
    """Return ``error`` fit to be stored, without its traceback."""
    return TaskError(text(error.type), text(error.message))


def fit_with_traceback(error: TaskError) -> TaskError:
    """Return ``error`` fit to be stored; of a long traceback the end stays, where the error is."""
    trace = error.traceback
    if trace is None:
        return fit(error)
    if len(trace) > MAX_TEXT:
        trace = f"…{trace[1 - MAX_TEXT :]}"
    return TaskError(text(error.type), text(error.message), text(trace))
