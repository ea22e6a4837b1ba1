"""What became of commands that were kept for later and then could not be taken."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from nats.aio.msg import Msg

from callboard.events.connection import Connection
from callboard.events.errors import CallboardError
from callboard.requester import refusal

T = TypeVar("T")
MAX_KEPT: Final = 10_000
"""Of more errors than these the oldest are forgotten."""


def about_task(task_id: str) -> str:
    """Return what a submission is about."""
    return f"task.{task_id}"


class Refusals:
    """The error answers to queued commands while this client is connected, each under what it is about.

    That is :func:`about_task` for a submission. What becomes of other commands about the same task says nothing of it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = ""
        self._errors: dict[str, CallboardError] = {}
        self._waiting: dict[str, set[asyncio.Future[Any]]] = {}

    async def address(self, about: str) -> str:
        """Return the subject to which an error about ``about``, two tokens such as ``cancel.x``, is to be sent."""
        if not self._inbox:
            self._inbox = self._connection.new_inbox()
            await self._connection.subscribe(f"{self._inbox}.*.*", cb=self._take)
        self._errors.pop(about, None)
        return f"{self._inbox}.{about}"

    def raise_for(self, about: str) -> None:
        """Raise the error that came back for ``about``, to everybody who asks; return when none did."""
        error = self._errors.get(about)
        if error is not None:
            raise error.with_traceback(None)

    def knows(self, about: str) -> bool:
        """Tell whether an error came back for ``about``."""
        return about in self._errors

    def forget(self, about: str) -> None:
        """Keep no error about ``about``."""
        self._errors.pop(about, None)

    async def cut_short(self, about: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what ``work`` comes to; None, and ``work`` is cancelled, once an error comes back for ``about``."""
        doing, before = asyncio.ensure_future(work), _cancellations()
        waiting = self._waiting.setdefault(about, set())
        waiting.add(doing)
        try:
            return await doing
        except asyncio.CancelledError:
            # Either by the error, or because whoever waits is cancelled.
            if not self.knows(about) or not doing.cancelled() or _cancellations() > before:
                doing.cancel()
                raise
            return None
        finally:
            waiting.discard(doing)
            if not waiting:
                self._waiting.pop(about, None)

    async def _take(self, message: Msg) -> None:
        about = message.subject.removeprefix(f"{self._inbox}.")
        self._errors[about] = refusal("400", "the command was refused", message.data)
        if len(self._errors) > MAX_KEPT:
            del self._errors[next(iter(self._errors))]
        for doing in self._waiting.get(about, ()):
            doing.cancel()


def _cancellations() -> int:
    """Return how often the task that runs was cancelled."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
