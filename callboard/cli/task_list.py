"""``callboard task ls``: a page of tasks, once or as it changes."""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from cyclopts import Parameter
from msgspec import Raw, Struct
from nats.aio.msg import Msg
from rich.console import Group
from rich.live import Live
from rich.text import Text

from callboard.cli.as_of import NOW, Then
from callboard.cli.options import DEFAULTS, WHOLE, Options
from callboard.cli.output import Output, remark, table
from callboard.cli.text import clock, compact, duration, moment, safe
from callboard.cli.timeline import STYLES
from callboard.client import Client
from callboard.errors import NoAnswerError, NotReadyError, NotRunningError, ServerNotFoundError
from callboard.events.errors import InvalidValueError
from callboard.events.subjects import LIVE_PREFIX, QUERY
from callboard.events.submission import utc
from callboard.replies import TaskPage, read
from callboard.requests import Status

COLUMNS: Final = ("task", "status", "agent", "kind", "priority", "submitted", ">duration", "input")
PAUSE_SECONDS: Final = 0.25
"""The least time between two looks: a person reads no faster."""

_AWAY: Final = (NoAnswerError, NotReadyError, NotRunningError, ServerNotFoundError)


@Parameter(name="*")
@dataclass(frozen=True)
class Filters:
    """Which tasks to list."""

    status: Annotated[Status | None, Parameter(help="Only those in this state.")] = None
    agent: Annotated[str | None, Parameter(help="Only those of this agent.")] = None
    kind: Annotated[str | None, Parameter(help="Only those of this kind.")] = None
    user_id: Annotated[str | None, Parameter(help="Only those for this user.")] = None
    session_id: Annotated[str | None, Parameter(help="Only those of this session.")] = None
    tenant_id: Annotated[str | None, Parameter(help="Only those of this tenant.")] = None
    parent_id: Annotated[str | None, Parameter(help="Only subtasks of this task.")] = None
    since: Annotated[datetime | None, Parameter(help="Only those submitted since, such as 2026-01-31T09:00:00Z.")] = (
        None
    )
    limit: Annotated[int, WHOLE, Parameter(help="How many at most.")] = 50
    after: Annotated[str | None, Parameter(help="Go on after this task, the last of the page before.")] = None

    def query(self) -> dict[str, Any]:
        """Return the body of the question to the service."""
        return {name: value for name, value in asdict(self).items() if value is not None and name != "since"}


EVERY_TASK: Final = Filters()


class _Submitted(Struct):
    submitted_at: datetime | None = None


async def list_(
    *, filters: Filters = EVERY_TASK, watch: bool = False, then: Then = NOW, options: Options = DEFAULTS
) -> int:
    """List tasks, newest first.

    Args:
        filters: Which tasks to list.
        watch: Show them as they change, until Ctrl-C; with --json a line for each change.
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    since = None if filters.since is None else utc(filters.since, "since")
    out = options.output()
    if watch and not (out.json or sys.stdout.isatty()):
        raise InvalidValueError("expected a terminal for --watch, or --json")
    if watch and then.as_of is not None:
        raise InvalidValueError("expected --watch or --as-of, got both: the past does not change")
    async with options.client() as board:
        if watch:
            await _watch(out, _pages(board, filters.query(), since))
            return 0
        document = _since(await board.ask(f"{QUERY}.tasks", then.query(**filters.query())), since)
    if out.json:
        out.document(document)
        return 0
    page = read(document, TaskPage)
    out.table(COLUMNS, _rows(page))
    if page.next is not None:
        remark(f"more: --after {page.next}")
    return 0


async def _watch(out: Output, pages: AsyncIterator[bytes]) -> None:
    if out.json:
        async for document in pages:
            out.line(Raw(document))
        return
    with Live(console=out.console, auto_refresh=False) as live:
        async for document in pages:
            page = read(document, TaskPage)
            head = Text(f"{clock(datetime.now().astimezone())}  event {page.as_of_seq}", style="dim")
            live.update(Group(head, table(COLUMNS, _rows(page))), refresh=True)


async def _pages(board: Client, query: dict[str, Any], since: datetime | None) -> AsyncIterator[bytes]:
    """Yield the page now, and again each time it has changed; while nobody answers, the last one stands."""
    news = asyncio.Event()
    seq = 0

    async def heard(message: Msg) -> None:
        nonlocal seq
        seq = int((message.headers or {}).get("Nats-Sequence", 0))
        news.set()

    await board.connection.subscribe(f"{LIVE_PREFIX}.task.>", cb=heard)
    board.connection.on_reconnect(news.set)
    before = document = _since(await board.ask(f"{QUERY}.tasks", query), since)
    yield document
    while True:
        await news.wait()
        await asyncio.sleep(PAUSE_SECONDS)
        news.clear()
        try:
            document = await board.ask(f"{QUERY}.tasks", {**query, "min_seq": seq})
        except _AWAY:
            news.set()
            continue
        document = _since(document, since)
        if _tasks(document) != _tasks(before):
            before = document
            yield document


def _tasks(document: bytes) -> Any:
    return read(document, dict[str, Any]).get("tasks")


def _since(document: bytes, since: datetime | None) -> bytes:
    """Return the page without what was submitted before ``since``; the tasks stand newest first."""
    if since is None:
        return document
    page = read(document, dict[str, Any])
    tasks = read(document, dict[str, Raw])["tasks"]
    times = [each.submitted_at for each in read(bytes(tasks), list[_Submitted])]
    kept = [task for task, at in zip(page["tasks"], times, strict=True) if at is not None and at >= since]
    return msgspec.json.encode({**page, "tasks": kept, "next": page["next"] if len(kept) == len(times) else None})


def _rows(page: TaskPage) -> list[tuple[object, ...]]:
    return [
        (
            task.id,
            status_text(task.status),
            task.agent,
            task.kind,
            task.priority,
            moment(task.submitted_at),
            duration(task.duration_ms),
            safe(compact(task.input), 60),
        )
        for task in page.tasks
    ]


def status_text(status: str) -> Text:
    """Return a task's status in its colour."""
    return safe(status, style=STYLES.get(status, "cyan"))
