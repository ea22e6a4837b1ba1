"""What a client may ask about tasks, agents and their history."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack

from callboard.activity_replies import Activity
from callboard.errors import BeingBuiltError
from callboard.event_info import EventInfo, from_item
from callboard.events import subjects
from callboard.pattern_replies import Patterns
from callboard.projections.activity_answers import By, Per
from callboard.replies import (
    AgentInfo,
    AgentList,
    AgentLog,
    Attempt,
    HeartbeatInfo,
    HeartbeatList,
    TaskEvents,
    TaskInfo,
    TaskPage,
    TaskStats,
    read,
)
from callboard.requester import Requester

_LONG_POLL_SECONDS: Final = 20.0

AsOf = int | datetime
"""A place in the log: the sequence of an event, or a time."""


class TaskFilters(TypedDict, total=False):
    """Which tasks to list; None is the same as absent. ``limit`` is 50 by default."""

    status: str | None
    agent: str | None
    kind: str | None
    user_id: str | None
    session_id: str | None
    tenant_id: str | None
    parent_id: str | None
    limit: int | None
    after: str | None


class StatsScope(TypedDict, total=False):
    """Which tasks to count: those submitted ``since`` and before ``until``, those of one ``agent`` or ``kind``."""

    since: datetime | None
    until: datetime | None
    agent: str | None
    kind: str | None


class ActivityScope(StatsScope, total=False):
    """What to count, in the whole minutes that ``since`` and ``until`` touch; ``by`` and ``per`` tell it apart."""

    by: By | None
    per: Per | None


class Queries:
    """Questions to the service, each with a typed answer.

    ``min_seq`` is taken by each query: the answer then reflects the log up to that sequence at least, such as that of a
    receipt. With ``as_of`` instead, a sequence or a time with an offset, the answer is what was true then; views of a
    time that nobody asked for before may have to be built first, and ``on_building`` is told how far they are. Besides
    what each of them says, all raise what :meth:`ask` raises.
    """

    def __init__(self, requester: Requester) -> None:
        self._requester = requester
        self.on_building: Callable[[str], None] = lambda _progress: None

    async def ask(self, subject: str, body: Any = None, timeout_seconds: float | None = None) -> bytes:
        """Send ``body`` as JSON to a subject of the service and return the answer, a JSON document, as it came.

        While views of the past are built for it, it is sent again and again; each answer may take ``timeout_seconds``.

        Raises:
            NotRunningError: no callboard serves on this server.
            NoAnswerError: no answer in time.
            ServerNotFoundError: the connection is down.
            InvalidValueError, NotFoundError, ConflictError, NotReadyError, ServiceError: the service refused.
        """
        while True:
            try:
                return await self._requester.ask(subject, {} if body is None else body, timeout_seconds)
            except BeingBuiltError as error:
                # The service has waited already before it said so.
                self.on_building(str(error))

    async def task(self, task_id: str, *, min_seq: int | None = None, as_of: AsOf | None = None) -> TaskInfo:
        """Return one task, from a view that reflects the log up to ``min_seq`` at least.

        Raises:
            NotFoundError: no task has that id.
        """
        return read(await self._query("task", id=task_id, min_seq=min_seq, as_of=as_of), TaskInfo)

    async def tasks(
        self, *, min_seq: int | None = None, as_of: AsOf | None = None, **filters: Unpack[TaskFilters]
    ) -> TaskPage:
        """Return a page of the tasks that match all ``filters``; ``after`` is the ``next`` of the page before."""
        return read(await self._query("tasks", min_seq=min_seq, as_of=as_of, **filters), TaskPage)

    async def events(self, task_id: str, *, min_seq: int | None = None, as_of: AsOf | None = None) -> list[EventInfo]:
        """Return all events of one task, oldest first.

        Raises:
            NotFoundError: no task has that id.
        """
        answer = await self._query("events", id=task_id, min_seq=min_seq, as_of=as_of)
        return [from_item(bytes(item)) for item in read(answer, TaskEvents).events]

    async def stats(
        self, *, min_seq: int | None = None, as_of: AsOf | None = None, **scope: Unpack[StatsScope]
    ) -> TaskStats:
        """Return the task stats, of all tasks or of those within ``scope``."""
        return read(await self._query("stats", min_seq=min_seq, as_of=as_of, **scope), TaskStats)

    async def activity(
        self, *, min_seq: int | None = None, as_of: AsOf | None = None, **scope: Unpack[ActivityScope]
    ) -> Activity:
        """Return what happened over time: in all, by agent or kind, and per minute, hour or day.

        Raises:
            InvalidValueError: there are more than 1,500 periods in that window.
        """
        return read(await self._query("activity", min_seq=min_seq, as_of=as_of, **scope), Activity)

    async def agents(self, *, min_seq: int | None = None, as_of: AsOf | None = None) -> list[AgentInfo]:
        """Return what each agent does and did, by name."""
        return read(await self._query("agents", min_seq=min_seq, as_of=as_of), AgentList).agents

    async def heartbeats(self, *, min_seq: int | None = None, as_of: AsOf | None = None) -> list[HeartbeatInfo]:
        """Return every heartbeat that is set, by name."""
        return read(await self._query("heartbeats", min_seq=min_seq, as_of=as_of), HeartbeatList).heartbeats

    async def patterns(
        self,
        *,
        user_id: str | None = None,
        since: datetime | None = None,
        timezone: str | None = None,
        limit: int | None = None,
        min_seq: int | None = None,
        as_of: AsOf | None = None,
    ) -> Patterns:
        """Return what users do, one of them or all, since the UTC day of ``since``.

        ``timezone`` is where hours and days of the week count, UTC by default; ``limit`` is how many entries each list
        has at most (20). With ``as_of`` the days count that were over then. ``min_seq`` and the sequence in ``as_of``
        are of the request log here, and so is ``as_of_seq`` of the answer.
        """
        scope = {"user_id": user_id, "since": since, "timezone": timezone, "limit": limit}
        return read(await self._query("patterns", **scope, min_seq=min_seq, as_of=as_of), Patterns)

    async def agent_log(
        self,
        *,
        agent: str | None = None,
        task_id: str | None = None,
        limit: int | None = None,
        min_seq: int | None = None,
        as_of: AsOf | None = None,
    ) -> list[Attempt]:
        """Return attempts, of one agent or at one task if that is said, the last started one first."""
        fields = {"agent": agent, "task_id": task_id, "limit": limit, "min_seq": min_seq, "as_of": as_of}
        answer = await self._query("agent_log", **fields)
        return read(answer, AgentLog).entries

    async def result(self, task_id: str, wait_seconds: float = 0.0, *, min_seq: int | None = None) -> TaskInfo:
        """Return a task as soon as it has ended, or as it is after ``wait_seconds``.

        Raises:
            NotFoundError: no task has that id.
        """
        until = asyncio.get_running_loop().time() + wait_seconds
        while True:
            left = max(0.0, until - asyncio.get_running_loop().time())
            step = min(left, _LONG_POLL_SECONDS)
            body = {"id": task_id, "wait_seconds": step} | ({} if min_seq is None else {"min_seq": min_seq})
            answer = await self.ask(f"{subjects.API}.result", body, self._requester.timeout_seconds + step)
            task = read(answer, TaskInfo)
            if task.terminal or left <= step:
                return task

    async def _query(self, name: str, **fields: Any) -> bytes:
        return await self.ask(f"{subjects.QUERY}.{name}", {k: v for k, v in fields.items() if v is not None})
