"""The agent that comes with callboard: ``cleanup`` takes tasks that ended long ago out of the views.

Nothing is removed from the log: an ``archived`` event says that the views need the task no longer.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from callboard import roles
from callboard.actors.agents import Agent
from callboard.actors.context import Context
from callboard.actors.order import Order, Settled
from callboard.actors.settling import Settling
from callboard.actors.task_log import TaskLog
from callboard.config import Config
from callboard.events import task
from callboard.events.task import TaskState
from callboard.events.task_events import TaskEvent
from callboard.projections.find_ended import FRONT, Ended
from callboard.projections.queries import Queries

CLEANUP: Final = "cleanup"
BATCH: Final = 500
MAX_TASKS: Final = 1_000_000
TIMEOUT_SECONDS: Final = 3_600
_CENTURY_SECONDS: Final = 100 * 366 * 86_400

Ending = Literal["completed", "failed", "cancelled", "expired"]


class CleanupInput(Struct, frozen=True, forbid_unknown_fields=True):
    """Which tasks are to leave the views: those in ``statuses`` that ended so many seconds ago, the oldest first."""

    older_than_seconds: Annotated[float, Meta(ge=0, le=_CENTURY_SECONDS)]
    statuses: Annotated[tuple[Ending, ...], Meta(min_length=1)] = ("completed", "failed", "cancelled", "expired")
    limit: Annotated[int, Meta(ge=1, le=MAX_TASKS)] = 100_000


class CleanupReport(Struct, frozen=True):
    """What became of it: ``skipped`` tasks still have deliveries to make or have changed; ``more`` may be left."""

    archived: int
    skipped: int
    more: bool


class Housekeeper:
    """Does the work of ``cleanup`` with the views and the log of its process, once it has them."""

    def __init__(self) -> None:
        self._queries: Queries | None = None
        self._tasks: TaskLog | None = None

    def open(self, queries: Queries, tasks: TaskLog) -> None:
        """Take the views to look into and the log to write to."""
        self._queries, self._tasks = queries, tasks

    async def cleanup(self, wanted: CleanupInput, ctx: Context) -> CleanupReport:
        """Archive the tasks that ``wanted`` describes; a repeat finds less to do, and does nothing twice."""
        if self._queries is None or self._tasks is None:
            raise RuntimeError("expected the views of this process to be open")
        before = datetime.now(UTC) - timedelta(seconds=wanted.older_than_seconds)
        settling = Settling(self._tasks, lambda: datetime.now(UTC))
        archived, seen, place = 0, 0, FRONT
        while left := min(BATCH, wanted.limit - archived):
            found = await self._queries.ended(wanted.statuses, before, place, left)
            if not found:
                return CleanupReport(archived, seen - archived, more=False)
            archived += await asyncio.to_thread(_archive, settling, found, ctx)
            seen, place = seen + len(found), found[-1].place
            ctx.progress(note=f"{archived} tasks archived")
        return CleanupReport(archived, seen - archived, more=True)


def with_cleanup(config: Config, agents: Mapping[str, Agent], housekeeper: Housekeeper) -> dict[str, Agent]:
    """Return the app's ``agents`` and ``cleanup``, unless it is switched off, has no views or no name here."""
    known = dict(agents)
    if config.no_cleanup or CLEANUP in known or not roles.plays(config.roles, roles.PROJECTOR):
        return known
    known[CLEANUP] = Agent(
        name=CLEANUP,
        handler=housekeeper.cleanup,
        kinds=(CLEANUP,),
        concurrency=1,
        timeout_seconds=TIMEOUT_SECONDS,
    )
    return known


def _archive(settling: Settling, found: Iterable[Ended], ctx: Context) -> int:
    """Archive what has not changed since it was found; return how many."""
    count = 0

    def done(order: Order, settled: Settled) -> None:
        nonlocal count
        count += bool(settled.events)
        if settled.error is not None:
            ctx.log.warning("cleanup.task_skipped", about=order.task_id, error=str(settled.error))

    for order, settled in settling.settle([_order(each) for each in found]):
        done(order, settled)
    return count


def _order(found: Ended) -> Order:
    def decide(state: TaskState | None, now: datetime) -> list[TaskEvent]:
        return task.archive(state, now) if state is not None and state.version == found.version else []

    return Order(found.id, decide, lambda _settled: None, version=found.version)
