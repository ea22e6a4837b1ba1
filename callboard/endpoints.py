"""What the service does: one coroutine per subject, from the bytes of a request to what is to be answered."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from callboard import requests
from callboard.errors import NotFoundError, NotReadyError
from callboard.events.subjects import token
from callboard.events.submission import decode, utc
from callboard.events.task_state import TERMINAL
from callboard.projections.answers import AgentLogAnswer, AgentsAnswer, StatsAnswer, TaskAnswer, TasksAnswer
from callboard.projections.find_heartbeats import HeartbeatsAnswer
from callboard.projections.find_tasks import TaskFilters
from callboard.projections.queries import Queries
from callboard.projections.runner import Runner

Take = Callable[[bytes, str], None]
Cancel = Callable[[str, str | None], Awaitable[tuple[str, int]]]
Retry = Callable[[str, str | None], Awaitable[tuple[str, int]]]
Forget = Callable[[str], Awaitable[int]]
LoadEvents = Callable[[str], Awaitable[list[tuple[str, int, bytes]]]]
"""From a task's id to name, sequence and body of each of its events, oldest first."""

NewestSeq = Callable[[str], Awaitable[int]]
"""From a task's id to the sequence of its newest event, 0 for one that nobody knows."""

Endpoint = Callable[[bytes], Awaitable[Any]]
Q = TypeVar("Q", bound=requests.Query)

READY_SECONDS: Final = 5.0
"""How long a query waits for the views to reach its ``min_seq``."""

_cancel: Final = msgspec.json.Decoder(requests.CancelRequest)
_retry: Final = msgspec.json.Decoder(requests.RetryRequest)
_forget: Final = msgspec.json.Decoder(requests.ForgetAgentRequest)
_result: Final = msgspec.json.Decoder(requests.ResultRequest)
_task: Final = msgspec.json.Decoder(requests.TaskQuery)
_tasks: Final = msgspec.json.Decoder(requests.TasksQuery)
_stats: Final = msgspec.json.Decoder(requests.StatsQuery)
_agents: Final = msgspec.json.Decoder(requests.AgentsQuery)
_heartbeats: Final = msgspec.json.Decoder(requests.HeartbeatsQuery)
_agent_log: Final = msgspec.json.Decoder(requests.AgentLogQuery)
_body: Final = msgspec.json.Decoder(dict[str, Raw])


class Stored(Struct, frozen=True):
    """A command's answer: the task, and the sequence of its newest event."""

    id: str
    seq: int


class AgentForgotten(Struct, frozen=True):
    """The answer to the request to forget an agent: its name, and the version of the event that says so."""

    agent: str
    version: int


class EventsAnswer(Struct, frozen=True):
    """All events of one task, oldest first: each its name, its sequence and its body's fields."""

    events: list[dict[str, Any]]
    as_of_seq: int


class Orders(Struct, frozen=True, kw_only=True):
    """Whom requests that change something are passed to, in a process with an orchestrator.

    ``take`` gets the body of a submission and the subject to which it sends the answer, in its own time; it raises
    NotReadyError for one it does not take. ``cancel`` and ``retry`` store a command and return the task's id and the
    sequence of its newest event, or raise NotFoundError, ConflictError or NotReadyError. ``forget`` is told the name of
    an agent and returns the version of the event that says so, or raises NotFoundError or ConflictError.
    """

    take: Take
    cancel: Cancel
    retry: Retry
    forget: Forget


class Sights(Struct, frozen=True, kw_only=True):
    """Who answers questions, in a process with views. ``load_events`` and ``newest_seq`` read the log itself.

    ``processes`` tells how many processes serve each known agent; these are listed even before their first task.
    """

    queries: Queries
    runner: Runner
    load_events: LoadEvents
    newest_seq: NewestSeq
    processes: Callable[[], Mapping[str, int]] = dict


class OrderEndpoints:
    """Requests that change something. All of them raise what ``problems`` knows."""

    def __init__(self, orders: Orders) -> None:
        self._cancel, self._retry, self._forget = orders.cancel, orders.retry, orders.forget

    async def cancel(self, data: bytes) -> Stored:
        """Call a task off."""
        request = decode(_cancel, data)
        return Stored(*await self._cancel(token(request.id), request.reason))

    async def retry(self, data: bytes) -> Stored:
        """Give a task that has ended a new life."""
        request = decode(_retry, data)
        return Stored(*await self._retry(token(request.id), request.reason))

    async def forget_agent(self, data: bytes) -> AgentForgotten:
        """Have nobody wait for an agent any more."""
        request = decode(_forget, data)
        return AgentForgotten(request.agent, await self._forget(token(request.agent, "agent")))


class QueryEndpoints:
    """Questions about tasks and agents. All of them raise what ``problems`` knows."""

    def __init__(self, sights: Sights) -> None:
        self._queries, self._runner, self._load_events = sights.queries, sights.runner, sights.load_events
        self._newest_seq, self._processes = sights.newest_seq, sights.processes

    async def result(self, data: bytes) -> TaskAnswer:
        """Return a task once it has ended, or as it is when the wait is over.

        A task that nobody knows yet may still be a command in its stream, so its wait is not cut short.
        """
        request = await self._reflected(decode(_result, data))
        task_id, loop = token(request.id), asyncio.get_running_loop()
        until = loop.time() + request.wait_seconds
        while True:
            with self._runner.watch(task_id) as watch:
                task = await self._newest(task_id)
                left = until - loop.time()
                if left <= 0 or (task is not None and task.status in TERMINAL):
                    return _found(task, task_id)
                await watch.wait(left)

    async def task(self, data: bytes) -> TaskAnswer:
        """Return one task."""
        query = await self._reflected(decode(_task, data))
        return _found(await self._queries.task(token(query.id)), query.id)

    async def tasks(self, data: bytes) -> TasksAnswer:
        """Return a page of tasks."""
        query = await self._reflected(decode(_tasks, data or b"{}"))
        names = TaskFilters.__struct_fields__
        filters = TaskFilters(**{name: getattr(query, name) for name in names})
        return await self._queries.tasks(filters, query.limit, query.after)

    async def events(self, data: bytes) -> EventsAnswer:
        """Return the events of one task, from the log itself."""
        query = decode(_task, data)
        position = self._runner.position
        stored = await self._load_events(token(query.id))
        as_of_seq = max([position, *(seq for _, seq, _ in stored)])
        if query.min_seq is not None and query.min_seq > as_of_seq:
            await self._reflected(query)
            stored = await self._load_events(query.id)
            as_of_seq = max([query.min_seq, *(seq for _, seq, _ in stored)])
        if not stored:
            raise _missing(query.id)
        return EventsAnswer([_event(*each) for each in stored], as_of_seq)

    async def stats(self, data: bytes) -> StatsAnswer:
        """Return task stats."""
        query = await self._reflected(decode(_stats, data or b"{}"))
        since = None if query.since is None else utc(query.since, "since")
        return await self._queries.stats(since, query.agent)

    async def agents(self, data: bytes) -> AgentsAnswer:
        """Return what each agent does and did."""
        await self._reflected(decode(_agents, data or b"{}"))
        processes = self._processes()
        answer = await self._queries.agents(list(processes))
        agents = [msgspec.structs.replace(each, processes=processes.get(each.agent, 0)) for each in answer.agents]
        return msgspec.structs.replace(answer, agents=agents)

    async def agent_log(self, data: bytes) -> AgentLogAnswer:
        """Return attempts."""
        query = await self._reflected(decode(_agent_log, data or b"{}"))
        return await self._queries.agent_log(query.agent, query.task_id, query.limit)

    async def heartbeats(self, data: bytes) -> HeartbeatsAnswer:
        """Return all heartbeats."""
        await self._reflected(decode(_heartbeats, data or b"{}"))
        return await self._queries.heartbeats(datetime.now(UTC))

    async def _newest(self, task_id: str) -> TaskAnswer | None:
        """Return a task as the views have it, waiting for them when the log has more of one that they call ended.

        It may have been given a new life since.
        """
        task = await self._queries.task(task_id)
        if task is None or task.status in TERMINAL:
            seq = await self._newest_seq(task_id)
            if seq > (0 if task is None else task.seq):
                await self._reach(seq)
                task = await self._queries.task(task_id)
        return task

    async def _reflected(self, query: Q) -> Q:
        if query.min_seq is not None:
            await self._reach(query.min_seq)
        return query

    async def _reach(self, seq: int) -> None:
        if not await self._runner.wait(seq, READY_SECONDS):
            raise NotReadyError(f"the views reflect sequence {self._runner.position}, not yet {seq}: ask again later")


def _found(task: TaskAnswer | None, task_id: str) -> TaskAnswer:
    if task is None:
        raise _missing(task_id)
    return task


def _missing(task_id: str) -> NotFoundError:
    return NotFoundError(f"no task has the id {task_id!r}")


def _event(name: str, seq: int, data: bytes) -> dict[str, Any]:
    item: dict[str, Any] = {"event": name, "seq": seq}
    try:
        body = _body.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return item
    return item | {field: value for field, value in body.items() if field not in item}
