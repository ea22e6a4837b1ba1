"""The front desk: takes cancellations and retries from the service to the orchestrator, and its answers back."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pykka

from callboard.actors.order import Order, Settled
from callboard.endpoints import Change, Decide, Forget, Orders, Take
from callboard.errors import ConflictError, NotFoundError, NotReadyError
from callboard.events import task
from callboard.events.task_events import TaskEvent

ANSWER_SECONDS: Final = 30.0


class Desk:
    """Coroutines for the service; to be used on the I/O loop."""

    def __init__(
        self, orchestrator: Callable[[], "pykka.ActorRef[Any]"], revive: Callable[..., list[TaskEvent]]
    ) -> None:
        """``orchestrator`` returns the one that runs now, it may have been started anew; KeyError for none.

        ``revive`` decides the new life of a task that had ended.
        """
        self._orchestrator = orchestrator
        self._revive = revive

    def orders(self, take: Take, forget: Forget, change: Change, decide: Decide) -> Orders:
        """Return all that the service may ask for: what this desk does, and what others do."""
        return Orders(take=take, cancel=self.cancel, retry=self.retry, forget=forget, change=change, decide=decide)

    async def cancel(self, task_id: str, reason: str | None) -> tuple[str, int]:
        """Call a task off and return its id and the sequence of its newest event.

        Raises:
            NotFoundError: there is no such task.
            ConflictError: it has ended already, other than by being cancelled.
            NotReadyError: no orchestrator took it in time.
            LogUnavailableError, BrokenOrderError: it cannot be told what became of it, or decided.
        """
        settled = await self._settle(
            lambda done: Order(task_id, lambda state, now: task.cancel(state, reason, now), done)
        )
        if settled.state is None:
            raise NotFoundError(f"no task has the id {task_id!r}")
        if settled.state.status != "cancelled":
            raise ConflictError(f"task {task_id} has ended: it is {task.standing(settled.state)}")
        return task_id, settled.seq

    async def retry(self, task_id: str, reason: str | None) -> tuple[str, int]:
        """Give a task that has ended a new life and return its id and the sequence of its newest event.

        Raises:
            NotFoundError: there is no such task.
            ConflictError: it has not ended, or it is completed, or has been archived.
            NotReadyError, LogUnavailableError, BrokenOrderError: as :meth:`cancel`.
        """
        settled = await self._settle(
            lambda done: Order(task_id, lambda state, now: self._revive(state, now, reason=reason), done)
        )
        if settled.state is None:
            raise NotFoundError(f"no task has the id {task_id!r}")
        if not settled.events:
            raise ConflictError(f"task {task_id} cannot be retried: it is {task.standing(settled.state)}")
        return task_id, settled.seq

    async def _settle(self, order: Callable[[Callable[[Settled], None]], Order]) -> Settled:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Settled] = loop.create_future()

        def done(settled: Settled) -> None:
            loop.call_soon_threadsafe(_answer, answer, settled)

        wanted = order(done)
        try:
            self._orchestrator().tell(wanted)
            async with asyncio.timeout(ANSWER_SECONDS):
                settled = await answer
        except (KeyError, pykka.ActorDeadError, TimeoutError) as error:
            raise NotReadyError("the orchestrator did not answer in time: try again with the same id") from error
        if settled.error is not None:
            raise settled.error
        return settled


def _answer(future: "asyncio.Future[Settled]", settled: Settled) -> None:
    if not future.done():
        future.set_result(settled)
