"""Agents for the tests of the command line."""

import asyncio
from typing import Any

from callboard import Context, Task, specialist


@specialist("echo", keywords=["echo"], fallback=True)
async def echo(task: Task, ctx: Context) -> dict[str, Any]:
    await ctx.progress(0.5, "half [red]way[/red]\x1b[0m")
    return {"echo": task.input}


@specialist("broken", keywords=["break"], max_attempts=2, retry_base_seconds=0)
def broken(task: Task, _ctx: Context) -> None:
    raise RuntimeError(f"\x1b[2Jcannot do {task.input}")


@specialist("sleeper")
async def sleeper(_task: Task, _ctx: Context) -> str:
    await asyncio.Event().wait()
    return "never"


@specialist("talkative")
async def talkative(task: Task, ctx: Context) -> int:
    for number in range(task.input):
        report = ctx.progress(note=f"step {number}")
        if number % 500 == 0:  # far fewer than make a flood are under way
            await report
    return int(task.input)
