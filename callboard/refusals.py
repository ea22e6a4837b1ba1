"""What became of commands that were kept for later and then could not be taken."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from nats.aio.msg import Msg

from callboard.events.connection import Connection
from callboard.events.errors import CallboardError
from callboard.requester import refusal

T = TypeVar("T")


class Refusals:
    """The error answers to queued commands, by task id, while this client is connected."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = ""
        self._errors: dict[str, CallboardError] = {}
        self._waiting: dict[str, set[asyncio.Future[Any]]] = {}

    async def address(self, task_id: str) -> str:
        """Return the subject to which an error about a command of ``task_id`` is to be sent."""
        if not self._inbox:
            self._inbox = self._connection.new_inbox()
            await self._connection.subscribe(f"{self._inbox}.*", cb=self._take)
        self._errors.pop(task_id, None)
        return f"{self._inbox}.{task_id}"

    def raise_for(self, task_id: str) -> None:
        """Raise the error that came back for ``task_id``; return when none did."""
        error = self._errors.pop(task_id, None)
        if error is not None:
            raise error

    def knows(self, task_id: str) -> bool:
        """Tell whether an error came back for ``task_id``."""
        return task_id in self._errors

    def forget(self, task_id: str) -> None:
        """Keep no error about ``task_id``."""
        self._errors.pop(task_id, None)

    async def cut_short(self, task_id: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what ``work`` comes to; None, and ``work`` is cancelled, once an error comes back for ``task_id``."""
        doing = asyncio.ensure_future(work)
        waiting = self._waiting.setdefault(task_id, set())
        waiting.add(doing)
        try:
            return await doing
        except asyncio.CancelledError:
            # Either by the error, or because whoever waits is cancelled.
            if not self.knows(task_id) or not doing.cancelled() or _cancelling():
                doing.cancel()
                raise
            return None
        finally:
            waiting.discard(doing)
            if not waiting:
                self._waiting.pop(task_id, None)

    async def _take(self, message: Msg) -> None:
        task_id = message.subject.rpartition(".")[2]
        self._errors[task_id] = refusal("400", "the command was refused", message.data)
        for doing in self._waiting.get(task_id, ()):
            doing.cancel()


def _cancelling() -> bool:
    """Tell whether somebody has cancelled the task that runs."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
