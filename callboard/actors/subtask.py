"""A subtask as the handler of its parent sees it: its id, and what it may end with."""

import hashlib
from concurrent.futures import Future
from typing import Final

from callboard.actors.misuse import MisuseError
from callboard.actors.promise import Promise
from callboard.events.errors import CallboardError, shorten
from callboard.events.subjects import is_token
from callboard.events.task_events import TaskError

MARK: Final = "--"
_KEPT: Final = 40
_HASHED: Final = 16


class SubtaskFailed(CallboardError):  # noqa: N818 - it is what became of the subtask
    """A subtask that was joined did not complete: its ``task_id``, its ``status``, and its ``error`` when it failed."""

    def __init__(self, task_id: str, status: str, error: TaskError | None = None, cause: str = "") -> None:
        super().__init__(f"subtask {task_id} {status}{f': {cause}' if cause else ''}")
        self.task_id, self.status, self.error = task_id, status, error


class Subtask(Promise[None, "Subtask"]):
    """A subtask on its way into the log; awaiting it returns it once it is stored. ``id`` is known before."""

    __slots__ = ("id",)

    def __init__(self, task_id: str, stored: "Future[None]") -> None:
        super().__init__(stored)
        self.id = task_id

    @property
    def stored(self) -> "Future[None]":
        """Ends when the subtask is stored, or refused."""
        return self._future

    def call_off(self) -> None:
        """Give up submitting it, if it is not stored yet."""
        self._future.cancel()

    def _read(self, _result: None) -> "Subtask":
        return self


def subtask_id(parent_id: str, key: str | int) -> str:
    """Return the id of the subtask that ``key`` names among those of one parent: the same whenever it is asked.

    Raises:
        InvalidValueError: the key is a text without anything in it, or one that a number stands for.
    """
    if not isinstance(key, int) and (not isinstance(key, str) or not key or key.isdigit()):
        raise MisuseError(f"expected key to be a text that is no number, got {shorten(key)}", field="key")
    plain = f"{parent_id}{MARK}{key}"
    if is_token(plain):
        return plain
    digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{parent_id[:_KEPT]}{MARK}{digest[:_HASHED]}"
