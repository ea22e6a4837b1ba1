"""Agents that spawn subtasks and join them, async and plain."""

import asyncio
from pathlib import Path
from typing import Any

from callboard import Context, SubtaskFailed, Task, specialist


@specialist("square", concurrency=20, retry_base_seconds=0, no_retry=(ValueError,))
async def square(task: Task) -> int:
    if task.input["n"] < 0:
        raise ValueError(f"no square of {task.input['n']}")
    await asyncio.sleep(task.input.get("seconds", 0))
    return int(task.input["n"]) ** 2


@specialist("sum", concurrency=5, max_attempts=3, retry_base_seconds=0)
async def sum_up(task: Task, ctx: Context) -> dict[str, Any]:
    """Square each number in a subtask; the first ``fails`` attempts come to nothing after that."""
    seconds = task.input.get("seconds", 0)
    subtasks = [await ctx.spawn({"n": n, "seconds": seconds}, agent="square") for n in task.input["numbers"]]
    squares = await ctx.join(*subtasks, timeout_seconds=task.input.get("timeout"))
    if task.attempt <= task.input.get("fails", 0):
        raise ConnectionError("as told")
    return {"squares": squares, "ids": [each.id for each in subtasks], "attempt": task.attempt}


@specialist("plain_sum", concurrency=5, max_attempts=1)
def plain_sum(task: Task, ctx: Context) -> list[int]:
    return ctx.join(*[ctx.spawn({"n": n}, agent="square") for n in task.input["numbers"]]).wait()


@specialist("tree", concurrency=1)
async def tree(task: Task, ctx: Context) -> Any:
    """Count the nodes of a tree whose every node is a task of this very agent, of which one may run."""
    depth, width = task.input["depth"], task.input["width"]
    counts = await ctx.join(
        *[ctx.spawn({"depth": depth - 1, "width": width}, agent="tree") for _ in range(width * (depth > 0))]
    )
    return 1 + sum(counts)


@specialist("branch", concurrency=1)
async def branch(task: Task, ctx: Context) -> int:
    """Wait for the file ``sown``, then for a leaf: a task of this agent, too, that waits for the file ``gate``."""
    file = Path(task.input.get("sown") or task.input["gate"])
    while not file.exists():  # noqa: ASYNC110, ASYNC240 - the test makes it, on this disk
        await asyncio.sleep(0.01)
    if "sown" not in task.input:
        return 1
    (below,) = await ctx.join(ctx.spawn({"gate": task.input["gate"]}, agent="branch"))
    return 1 + int(below)


@specialist("plain_tree", concurrency=1)
def plain_tree(task: Task, ctx: Context) -> Any:
    depth, width = task.input["depth"], task.input["width"]
    below = [ctx.spawn({"depth": depth - 1, "width": width}, agent="plain_tree") for _ in range(width * (depth > 0))]
    return 1 + sum(ctx.join(*below).wait())


@specialist("keyed", max_attempts=1)
async def keyed(task: Task, ctx: Context) -> dict[str, Any]:
    """Spawn with what the input says; tell what became of it."""
    spawned = ctx.spawn(task.input.get("value"), **task.input["spawn"])
    try:
        return {"id": spawned.id, "output": await ctx.join(spawned)}
    except SubtaskFailed as failed:
        error = None if failed.error is None else failed.error.type
        return {"id": failed.task_id, "status": failed.status, "error": error, "message": str(failed)}


@specialist("shower")
async def shower(task: Task) -> dict[str, Any]:
    names = ("id", "parent_id", "priority", "user_id", "session_id", "tenant_id", "kind", "metadata", "life")
    return {name: getattr(task, name) for name in names}


@specialist("hanging", concurrency=50)
async def hanging(task: Task, ctx: Context) -> None:
    """Spawn more of its kind, as long as there is a level to go, and hang."""
    if task.input["depth"] > 0:
        await ctx.join(*[ctx.spawn({"depth": task.input["depth"] - 1}, agent="hanging") for _ in range(3)])
    await asyncio.Event().wait()


@specialist("plain_hanging", concurrency=2)
def plain_hanging(_task: Task, ctx: Context) -> None:
    ctx.log.info("plain_hanging begins")
    ctx.join(ctx.spawn({"depth": 0}, agent="hanging")).wait()


@specialist("gated", max_attempts=1)
async def gated(task: Task) -> int:
    """Fail until the file ``gate`` of the input is there."""
    if not Path(task.input["gate"]).exists():  # noqa: ASYNC240 - a file on this disk
        raise ConnectionError("the gate is closed")
    return task.life


@specialist("gatherer", max_attempts=1)
async def gatherer(task: Task, ctx: Context) -> list[int]:
    return await ctx.join(ctx.spawn({"gate": task.input["gate"]}, agent="gated"), ctx.spawn({"n": 3}, agent="square"))
