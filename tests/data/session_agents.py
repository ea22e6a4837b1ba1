"""Agents that talk: what they answer shows what they were told of their session."""

import time
from pathlib import Path
from typing import Any

from callboard import Context, Task, specialist


def shown(messages: list[Any]) -> list[str]:
    return [f"{each.role}: {each.content}" for each in messages]


@specialist(name="talker", keywords=["hello"])
async def talker(_task: Task, ctx: Context) -> dict[str, Any]:
    """Answer with what was said before."""
    said = shown(await ctx.history())
    return {"heard": said, "usage": {"input_tokens": len(said), "output_tokens": 7}}


@specialist(name="plain")
def plain(_task: Task, ctx: Context) -> list[str]:
    """Do the same as a plain function."""
    return shown(ctx.history().wait(20))


@specialist(name="brief", max_attempts=1)
async def brief(task: Task, ctx: Context) -> list[str]:
    """Answer with as much of what was said before as the input says, after a note of one's own."""
    await ctx.add_message("system", "brief is here")
    return shown(await ctx.history(limit=task.input))


@specialist(name="asker")
async def asker(task: Task, ctx: Context) -> Any:
    """Have a subtask look at the newest part of the session."""
    [heard] = await ctx.join(ctx.spawn(task.input, agent="brief"))
    return heard


@specialist(name="caller")
async def caller(_task: Task, ctx: Context) -> str:
    """Call a tool, and have a subtask look at the session."""
    await ctx.add_message("tool", {"degrees": 21}, name="weather", arguments={"in": "Rome"})
    [heard] = await ctx.join(ctx.spawn("look", agent="plain"))
    return "\n".join(heard)


@specialist(name="failing", max_attempts=1)
def failing(task: Task) -> str:
    """Fail, unless somebody put the file of the input there."""
    if not Path(task.input["file"]).exists():
        raise ValueError("no such file")
    return "found"


@specialist(name="waiter", timeout_seconds=60)
def waiter(task: Task, ctx: Context) -> str:
    """Wait for the file of the input."""
    while not Path(task.input["go"]).exists() and not ctx.cancelled:
        time.sleep(0.01)
    return "went"


@specialist(name="lonely", isolation="process")
def lonely(_task: Task, ctx: Context) -> str:
    """Ask for a session where there is none."""
    try:
        ctx.history()
    except ValueError as error:
        return str(error)
    return "no error"
