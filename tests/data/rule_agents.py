"""Agents that answer with the values that rules of the task's user give it, below what its input says."""

from typing import Any

from callboard import Context, Task, specialist


def filled(task: Task, ctx: Context) -> dict[str, Any]:
    return {"agent": task.agent, **ctx.rules, **task.input}


@specialist("meetings", kinds=["meeting"])
async def meetings(task: Task, ctx: Context) -> dict[str, Any]:
    return filled(task, ctx)


@specialist("plain")
def plain(task: Task, ctx: Context) -> dict[str, Any]:
    return filled(task, ctx)


@specialist("alone", isolation="process", concurrency=1)
def alone(task: Task, ctx: Context) -> dict[str, Any]:
    return filled(task, ctx)


@specialist("desk", fallback=True)
def desk(task: Task, ctx: Context) -> dict[str, Any]:
    return filled(task, ctx)
