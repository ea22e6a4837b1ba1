"""``callboard task tree``, and the part of ``callboard task cancel`` that concerns subtasks."""

import asyncio
from typing import Any, Final

from rich.text import Text
from rich.tree import Tree

from callboard.cli.as_of import NOW, Then
from callboard.cli.options import DEFAULTS, Options
from callboard.cli.output import remark
from callboard.cli.text import duration, safe
from callboard.cli.timeline import STYLES
from callboard.client import Client
from callboard.errors import NotFoundError, NotRunningError
from callboard.family import Branch, family
from callboard.replies import TaskInfo

CANCEL_SECONDS: Final = 5.0
"""How long the end of subtasks is waited for; they are cancelled whether somebody waits or not."""


async def tree(task_id: str, /, *, then: Then = NOW, options: Options = DEFAULTS) -> int:
    """Show a task with the tasks it is a part of, and all its subtasks.

    Args:
        task_id: The task's id.
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        found = await family(board, task_id, as_of=then.as_of)
    out = options.output()
    if out.json:
        ancestors = [_fields(task) for task in found.ancestors]
        out.document({**_document(found.root), "ancestors": ancestors, "whole": found.whole})
        return 0
    top = Branch(found.root.task, found.root.children)
    for task in reversed(found.ancestors):
        top = Branch(task, [top])
    out.console.print(_drawn(top, task_id))
    if not found.whole:
        remark("there are more subtasks than these: show one of them, or list all with `task ls --parent-id`")
    return 0


async def open_subtasks(board: Client, task_id: str) -> list[str]:
    """Return the ids of the tasks below a task that have not ended; none while nobody can say."""
    try:
        found = await family(board, task_id)
    except (NotRunningError, NotFoundError):
        return []
    return [task.id for task in found.root.all() if task.id != task_id and not task.terminal]


async def ends(board: Client, task_ids: list[str]) -> list[TaskInfo]:
    """Return the tasks ``task_ids`` once they have ended, or as they are after some seconds."""
    return await asyncio.gather(*(board.result(task_id, CANCEL_SECONDS) for task_id in task_ids))


def _drawn(top: Branch, task_id: str) -> Tree:
    drawn = Tree(_label(top.task, task_id), guide_style="dim")
    waiting = [(drawn, top)]
    while waiting:
        node, branch = waiting.pop()
        waiting += [(node.add(_label(child.task, task_id)), child) for child in branch.children]
    return drawn


def _label(task: TaskInfo, task_id: str) -> Text:
    text = safe(task.id, style="bold" if task.id == task_id else "")
    text.append("  ").append_text(safe(task.status, style=STYLES.get(task.status, "cyan")))
    for detail in (task.agent, task.kind, duration(task.duration_ms), _reason(task)):
        if detail:
            text.append("  ").append_text(safe(detail, 100, style="dim"))
    return text


def _reason(task: TaskInfo) -> str:
    if task.status == "blocked":
        return f"waits for {', '.join(task.depends_on)}"
    return f"{task.error.type}: {task.error.message}" if task.error is not None else ""


def _document(root: Branch) -> dict[str, Any]:
    document: dict[str, Any] = {}
    waiting = [(document, root)]
    while waiting:
        place, branch = waiting.pop()
        children: list[dict[str, Any]] = [{} for _ in branch.children]
        place.update(_fields(branch.task), children=children)
        waiting += zip(children, branch.children, strict=True)
    return document


def _fields(task: TaskInfo) -> dict[str, Any]:
    names = ("id", "status", "agent", "kind", "parent_id", "depends_on", "error", "duration_ms")
    return {name: getattr(task, name) for name in names}
