"""A service on a real NATS server, with views in a real file, whose tasks live in one process and nowhere else.

async with serving(server.url, directory) as desk:
    desk.store(*QUEUED)                       # events enter the log and the views
    answer = await desk.ask("query.task", {"id": "task-1"})
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from callboard.actors.order import Settled
from callboard.actors.petition import Petition, Verdict
from callboard.endpoints import Orders
from callboard.errors import ConflictError, NotFoundError
from callboard.events import task
from callboard.events.connection import Connection
from callboard.events.submission import AgentSubmission, parse_for_agent
from callboard.events.task_events import TaskEvent
from callboard.express import frame
from callboard.projections.log_event import LogEvent
from callboard.projections.pattern_queries import PatternQueries
from callboard.projections.queries import Queries
from callboard.projections.runner import Runner
from callboard.projections.store import Views
from callboard.requests import RuleDecision, SessionChange
from callboard.service import Limits, Service
from callboard.sights import RequestLog, Sights
from tests.support.counted_lines import STORED, request_views, stored
from tests.support.log_stretch import Event, log_event, subject_of

Submit = Callable[[AgentSubmission], Awaitable[tuple[str, int]]]


class Desk:
    """A log in memory, its views, and a client that asks the service about them."""

    service: Service

    def __init__(self, views: Views, queries: Queries, client: Client, connection: Connection) -> None:
        self.views, self.queries, self.client, self.connection = views, queries, client, connection
        self.accept: Submit = self.submit
        self.answering: set[asyncio.Task[None]] = set()
        self.runner = Runner(views)
        self.requests = request_views(views.path.with_name("requests.sqlite3"))
        self.request_runner = Runner(self.requests)
        self.pattern_queries = PatternQueries(self.requests.path)
        self.log: list[tuple[str, int, bytes]] = []
        self.histories: dict[str, list[TaskEvent]] = {}
        self.submissions: list[AgentSubmission] = []
        self.forgotten: list[str] = []

    def store(self, *events: Event) -> int:
        """Append ``events`` to log and views, as the projector would; return the last sequence."""
        self.runner.apply(self.append(*events))
        return len(self.log)

    def count(self, *lines: bytes) -> int:
        """Append ``lines`` to the request log, as the projector would; return the last sequence."""
        self.request_runner.apply(stored(lines, first=self.request_runner.position + 1))
        return self.request_runner.position

    async def line_stored_at(self, seq: int) -> datetime | None:
        return STORED if 1 <= seq <= self.request_runner.position else None

    def append(self, *events: Event) -> list[LogEvent]:
        """Append ``events`` to the log alone; return what the views are still to get."""
        stored = [log_event(event, len(self.log) + number) for number, event in enumerate(events, 1)]
        self.log += [(subject_of(event), one.seq, one.data) for event, one in zip(events, stored, strict=True)]
        for event in events:
            if isinstance(event, TaskEvent):
                self.histories.setdefault(event.originator_id, []).append(event)
        return stored

    def take(self, data: bytes, reply: str) -> None:
        """Answer a submission in its own time, as the orchestrator would."""
        answering = asyncio.ensure_future(self._answer(Petition(data, "", reply)))
        self.answering.add(answering)
        answering.add_done_callback(self.answering.discard)

    async def _answer(self, petition: Petition) -> None:
        try:
            task_id, seq = await self.accept(parse_for_agent(petition.data))
            verdict = Verdict(petition, task_id, Settled(None, [], seq))
        except Exception as error:  # noqa: BLE001 - the answer says which
            verdict = Verdict(petition, error=error)
        if petition.reply:
            await self.connection.send(frame(verdict))

    async def submit(self, submission: AgentSubmission) -> tuple[str, int]:
        self.submissions.append(submission)
        task_id = submission.id or f"task-{len(self.submissions)}"
        route = task.Route(agent=submission.agent or "billing", reason="asked for by name")
        return task_id, self.store(*task.submit(self._state(task_id), task_id, submission, route, datetime.now(UTC)))

    async def cancel(self, task_id: str, reason: str | None) -> tuple[str, int]:
        state = self._state(task_id)
        if state is None:
            raise NotFoundError(f"no task has the id {task_id!r}")
        if state.terminal:
            raise ConflictError(f"task {task_id} has ended: it is {state.status}")
        return task_id, self.store(*task.cancel(state, reason, datetime.now(UTC)))

    async def retry(self, task_id: str, reason: str | None) -> tuple[str, int]:
        state = self._state(task_id)
        if state is None:
            raise NotFoundError(f"no task has the id {task_id!r}")
        new = task.retry(state, None, datetime.now(UTC), reason=reason)
        if not new:
            raise ConflictError(f"task {task_id} cannot be retried: it is {state.status}")
        return task_id, self.store(*new)

    async def forget(self, agent: str) -> int:
        self.forgotten.append(agent)
        return len(self.forgotten)

    async def load_events(self, task_id: str) -> list[tuple[str, int, bytes]]:
        return [
            (subject.split(".")[5], seq, data) for subject, seq, data in self.log if subject.split(".")[3] == task_id
        ]

    async def newest_seq(self, task_id: str) -> int:
        return max((seq for _, seq, _ in await self.load_events(task_id)), default=0)

    async def ask(self, name: str, body: Any = None, timeout: float = 20.0) -> Any:
        """Return the decoded answer to a request of ``callboard.<name>``, which must be no error."""
        answer = await self.request(name, b"" if body is None else msgspec.json.encode(body), timeout)
        assert answer.headers is None, answer.data[:500]
        return msgspec.json.decode(answer.data)

    async def change(self, wanted: SessionChange) -> tuple[str, int]:
        """Take a change of a session and store nothing."""
        return wanted.session_id, 7

    async def decide(self, wanted: RuleDecision) -> tuple[str, int]:
        """Take a decision on a rule and store nothing."""
        return wanted.id, 7

    async def refused(self, name: str, body: Any) -> tuple[str, dict[str, Any]]:
        """Return code and body of the error that a request is answered with."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        answer = await self.request(name, data)
        assert answer.headers, answer.data[:500]
        assert answer.headers["Nats-Service-Error"]
        return answer.headers["Nats-Service-Error-Code"], msgspec.json.decode(answer.data)

    async def request(self, name: str, data: bytes, timeout: float = 20.0) -> Msg:
        return await self.client.request(f"callboard.{name}", data, timeout=timeout)

    def _state(self, task_id: str) -> task.TaskState | None:
        return task.fold(None, self.histories.get(task_id, []))


@contextlib.asynccontextmanager
async def serving(
    url: str, directory: Path, limits: Limits | None = None, submit: Submit | None = None
) -> AsyncIterator[Desk]:
    """A desk and its service; requests come over a plain connection of their own."""
    views = Views(directory / "views.sqlite3")
    queries = Queries(views.path)
    connection, client = Connection(), Client()
    await connection.open(url)
    await client.connect(url)
    desk = Desk(views, queries, client, connection)
    desk.accept = submit or desk.submit
    desk.service = Service(
        connection,
        orders=Orders(
            take=desk.take,
            cancel=desk.cancel,
            retry=desk.retry,
            forget=desk.forget,
            change=desk.change,
            decide=desk.decide,
        ),
        sights=Sights(
            queries=queries,
            runner=desk.runner,
            load_events=desk.load_events,
            newest_seq=desk.newest_seq,
            processes=lambda: {"billing": 2, "idle": 0},
            request_log=RequestLog(
                queries=desk.pattern_queries, runner=desk.request_runner, stored_at=desk.line_stored_at
            ),
        ),
        limits=limits,
    )
    await desk.service.start()
    try:
        yield desk
    finally:
        await desk.service.stop()
        await client.close()
        await connection.close()
        queries.close()
        views.close()
        desk.pattern_queries.close()
        desk.requests.close()


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Give way to others until ``condition()`` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nobody sets an event for it
            await asyncio.sleep(0)
