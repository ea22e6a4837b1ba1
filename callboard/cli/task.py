"""``callboard task``: show, list, cancel and retry tasks."""

import msgspec
from cyclopts import App

from callboard.cli.options import DEFAULTS, Options
from callboard.cli.output import Output, remark
from callboard.cli.task_list import status_text
from callboard.cli.task_tree import ends, open_subtasks
from callboard.cli.text import compact, duration, moment, safe
from callboard.cli.timeline import COLUMNS, timeline
from callboard.event_info import EventInfo
from callboard.events.subjects import QUERY
from callboard.replies import TaskInfo, read

app = App(name="task", help="Show, list, cancel and retry tasks.")
app.command("callboard.cli.task_list:list_", name="ls")
app.command("callboard.cli.task_tree:tree", name="tree")
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


@app.command
async def cancel(task_id: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Call a task off, and with it its subtasks.

    Args:
        task_id: The task's id.
        reason: Why, for the record.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        below = await open_subtasks(board, task_id)
        receipt = await board.cancel(task_id, reason)
        subtasks = [] if receipt.queued else await ends(board, below)
    out = options.output()
    if out.json:
        told = [{"id": each.id, "status": each.status} for each in subtasks]
        out.document({**msgspec.to_builtins(receipt), "subtasks": told})
    elif receipt.queued:
        remark("nothing is running: the cancellation is stored and will be taken when callboard starts")
    else:
        _print_cancelled(out, task_id, subtasks)
    return 0


def _print_cancelled(out: Output, task_id: str, subtasks: list[TaskInfo]) -> None:
    cancelled = sum(task.status == "cancelled" for task in subtasks)
    also = f" and {cancelled} subtask{'s' if cancelled > 1 else ''}" if cancelled else ""
    out.text(f"cancelled {task_id}{also}")
    for task in subtasks:
        if task.status != "cancelled":
            remark(f"subtask {task.id} is {task.status}")


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
