"""``callboard task``: show, list, cancel and retry tasks."""

import msgspec
from cyclopts import App

from callboard.cli.as_of import NOW, Then
from callboard.cli.options import DEFAULTS, Options
from callboard.cli.output import Output
from callboard.cli.task_list import status_text
from callboard.cli.text import compact, duration, moment, safe
from callboard.cli.timeline import COLUMNS, timeline
from callboard.event_info import EventInfo
from callboard.events.subjects import QUERY
from callboard.replies import TaskInfo, read

app = App(name="task", help="Show, list, cancel and retry tasks.")
for _name, _target, _text in (
    ("ls", "callboard.cli.task_list:list_", "List tasks, newest first."),
    ("tree", "callboard.cli.task_tree:tree", "Show a task with the tasks it is a part of, and all its subtasks."),
    ("cancel", "callboard.cli.task_cancel:cancel", "Call tasks off, and with them their subtasks."),
    ("retry", "callboard.cli.task_retry:retry", "Give tasks that failed, expired or were cancelled a new life."),
):
    app.command(_target, name=_name, help=_text)


@app.command
async def show(task_id: str, /, *, then: Then = NOW, options: Options = DEFAULTS) -> int:
    """Show one task and its timeline.

    Args:
        task_id: The task's id.
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.task", then.query(id=task_id))
        events = await board.events(task_id, as_of=then.as_of)
    out = options.output()
    if out.json:
        task = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
        out.document({**task, "events": events})
    else:
        print_task(out, read(document, TaskInfo), events)
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
        ("parent", task.parent_id),
        ("depends on", ", ".join(task.depends_on)),
        ("priority", task.priority),
        ("life", task.life if task.life > 1 else None),
        ("attempts", f"{task.attempts} of {task.max_attempts}" if task.max_attempts else task.attempts),
        ("user", task.user_id),
        ("session", task.session_id),
        ("tenant", task.tenant_id),
        ("submitted", moment(task.submitted_at)),
        ("scheduled for", moment(task.scheduled_for)),
        ("due", moment(task.due)),
        ("expires", moment(task.expires_at)),
        ("finished", moment(task.finished_at)),
        ("duration", duration(task.duration_ms)),
        ("input", compact(task.input)),
        ("output", compact(task.output) if task.status == "completed" else None),
        ("error", safe(f"{error.type}: {error.message}", style="red") if error else None),
    ]
