"""Queries over the views for callers on an event loop: run in threads, each with a connection of its own."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from callboard.projections import find_agents, find_ended, find_heartbeats, find_tasks, task_stats
from callboard.projections.answers import AgentLogAnswer, AgentsAnswer, StatsAnswer, TaskAnswer, TasksAnswer
from callboard.projections.find_ended import Ended, Place
from callboard.projections.find_heartbeats import HeartbeatsAnswer
from callboard.projections.find_tasks import TaskFilters
from callboard.projections.reader import connect

T = TypeVar("T")

EVERYTHING = TaskFilters()


class Queries:
    """Answers from the views in the file ``path``, which a :class:`Views` has open, in up to ``threads`` threads."""

    def __init__(self, path: Path, threads: int = 4) -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="callboard-query")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def task(self, task_id: str) -> TaskAnswer | None:
        """Return one task, None when there is none."""
        return await self._run(lambda connection: find_tasks.task(connection, task_id))

    async def tasks(self, filters: TaskFilters = EVERYTHING, limit: int = 50, after: str | None = None) -> TasksAnswer:
        """Return a page of 1-1000 tasks, newest first, from the one behind ``after`` on.

        Raises:
            InvalidValueError: ``after`` is not the id of a task.
        """
        return await self._run(lambda connection: find_tasks.tasks(connection, filters, limit, after))

    async def stats(self, since: datetime | None = None, agent: str | None = None) -> StatsAnswer:
        """Return the stats of all tasks, or of those submitted ``since`` then, or of one ``agent``."""
        return await self._run(lambda connection: task_stats.task_stats(connection, since, agent))

    async def agents(self, known: Sequence[str] = ()) -> AgentsAnswer:
        """Return every agent that has had a task or is ``known``."""
        return await self._run(lambda connection: find_agents.agents(connection, known))

    async def agent_log(self, agent: str | None = None, task_id: str | None = None, limit: int = 50) -> AgentLogAnswer:
        """Return attempts, the last started one first."""
        return await self._run(lambda connection: find_agents.agent_log(connection, agent, task_id, limit))

    async def heartbeats(self, now: datetime) -> HeartbeatsAnswer:
        """Return every heartbeat there is, by name, with its next fire after ``now``."""
        return await self._run(lambda connection: find_heartbeats.heartbeats(connection, now))

    async def ended(self, statuses: Sequence[str], before: datetime, behind: Place, limit: int) -> list[Ended]:
        """Return tasks in ``statuses`` that ended ``before``, the oldest end first, from ``behind`` a place on."""
        return await self._run(lambda connection: find_ended.ended(connection, statuses, before, behind, limit))

    def close(self) -> None:
        """Let running queries end, and close the connections; closing twice does nothing."""
        self._pool.shutdown(wait=True)
        while self._connections:
            self._connections.pop().close()

    async def _run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: query(self._connection()))

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self._path)
            self._connections.append(connection)
        return connection
