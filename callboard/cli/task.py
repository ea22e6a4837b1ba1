"""``callboard task``: show, list, cancel and retry tasks."""

from dataclasses import asdict, dataclass
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter
from rich.text import Text

from callboard.cli.options import DEFAULTS, WHOLE, Options
from callboard.cli.output import Output, remark
from callboard.cli.text import compact, duration, moment, safe
from callboard.cli.timeline import COLUMNS, STYLES, timeline
from callboard.event_info import EventInfo
from callboard.events.subjects import QUERY
from callboard.replies import TaskInfo, TaskPage, read
from callboard.requests import Status

app = App(name="task", help="Show, list, cancel and retry tasks.")
app.command("callboard.cli.task_retry:retry", name="retry")


@app.command
async def show(task_id: str, /, *, options: Options = DEFAULTS) -> int:
    """Show one task and its timeline.

    Args:
        task_id: The task's id.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.task", {"id": task_id})
        events = await board.events(task_id)
    out = options.output()
    if out.json:
        task = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
        out.document({**task, "events": events})
    else:
        print_task(out, read(document, TaskInfo), events)
    return 0


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
    limit: Annotated[int, WHOLE, Parameter(help="How many at most.")] = 50
    after: Annotated[str | None, Parameter(help="Go on after this task, the last of the page before.")] = None


EVERY_TASK: Final = Filters()


@app.command(name="ls")
async def list_(*, filters: Filters = EVERY_TASK, options: Options = DEFAULTS) -> int:
    """List tasks, newest first.

    Args:
        filters: Which tasks to list.
        options: Where the server is, and how to print.
    """
    body = {name: value for name, value in asdict(filters).items() if value is not None}
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.tasks", body)
    out = options.output()
    if out.json:
        out.document(document)
    else:
        _print_page(out, read(document, TaskPage))
    return 0


@app.command
async def cancel(task_id: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Call a task off.

    Args:
        task_id: The task's id.
        reason: Why, for the record.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        receipt = await board.cancel(task_id, reason)
    out = options.output()
    if out.json:
        out.document(receipt)
    elif receipt.queued:
        remark("nothing is running: the cancellation is stored and will be taken when callboard starts")
    else:
        out.text(f"cancelled {task_id}")
    return 0


def print_task(out: Output, task: TaskInfo, events: list[EventInfo] | None = None) -> None:
    """Print one task, with its timeline when its ``events`` are given."""
    if out.json:
        out.document(task)
        return
    out.facts(_facts(task))
    if events:
        out.text("")
        out.table(COLUMNS, timeline(events), title=f"{moment(events[0].at)[:10]}, UTC")


def _facts(task: TaskInfo) -> list[tuple[str, object]]:
    route, error = task.route, task.error
    return [
        ("task", task.id),
        ("status", status_text(task.status)),
        ("agent", task.agent),
        ("route", f"{route.method}, {route.confidence or 0:.0%}" if route and route.method else None),
        ("kind", task.kind),
        ("priority", task.priority),
        ("attempts", f"{task.attempts} of {task.max_attempts}" if task.max_attempts else task.attempts),
        ("user", task.user_id),
        ("session", task.session_id),
        ("tenant", task.tenant_id),
        ("submitted", moment(task.submitted_at)),
        ("finished", moment(task.finished_at)),
        ("duration", duration(task.duration_ms)),
        ("input", compact(task.input)),
        ("output", compact(task.output) if task.status == "completed" else None),
        ("error", safe(f"{error.type}: {error.message}", style="red") if error else None),
    ]


def _print_page(out: Output, page: TaskPage) -> None:
    rows = (
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
    )
    out.table(("task", "status", "agent", "kind", "priority", "submitted", ">duration", "input"), rows)
    if page.next is not None:
        remark(f"more: --after {page.next}")


def status_text(status: str) -> Text:
    """Return a task's status in its colour."""
    return safe(status, style=STYLES.get(status, "cyan"))
