"""Agents that ask about the user of their task; what they answer shows what they were told."""

import asyncio
from typing import Any

import msgspec

from callboard import Context, Task, specialist


def shown(user: Any) -> dict[str, Any]:
    return {
        "user": user.user_id,
        "rules": [each.text for each in user.rules],
        "sessions": [each.session_id for each in user.sessions],
        "tasks": [each.id for each in user.tasks],
        "open": user.open_tasks,
        "as_of": user.as_of_seq,
    }


@specialist(name="knower", concurrency=100)
async def knower(_task: Task, ctx: Context) -> dict[str, Any]:
    """Answer with what is known."""
    return shown(await ctx.user)


@specialist(name="plain")
def plain(_task: Task, ctx: Context) -> dict[str, Any]:
    """Do the same as a plain function."""
    return shown(ctx.user.wait(20))


@specialist(name="curious")
async def curious(_task: Task, ctx: Context) -> bool:
    """Ask many times at once, and tell whether the answers are the same."""
    answers = await asyncio.gather(*(ctx.user for _ in range(20)))
    return len({msgspec.json.encode(each) for each in answers}) == 1


@specialist(name="asker", max_attempts=1)
async def asker(_task: Task, ctx: Context) -> int:
    """Ask, and fail when nobody answers."""
    return (await ctx.user).open_tasks


@specialist(name="lonely", isolation="process")
def lonely(_task: Task, ctx: Context) -> str:
    """Ask where there is nobody to ask."""
    try:
        return str(ctx.user.wait(20))
    except ValueError as error:
        return str(error)


@specialist(name="boss", concurrency=10)
async def boss(_task: Task, ctx: Context) -> list[int]:
    """Have somebody else ask first; answer with how old both answers are."""
    [theirs] = await ctx.join(ctx.spawn(1, agent="knower"))
    return [theirs["as_of"], (await ctx.user).as_of_seq]


@specialist(name="ruled", concurrency=10)
async def ruled(_task: Task, ctx: Context) -> dict[str, Any]:
    """Answer with the rules of both kinds."""
    return {"defaults": dict(ctx.rules), **shown(await ctx.user)}


@specialist(name="patient", concurrency=10)
async def patient(_task: Task, ctx: Context) -> list[str]:
    """Say that no rule is known, and wait until one is."""
    while not (user := await ctx.user).rules:
        await ctx.progress(note="none yet")
        await asyncio.sleep(0.01)
    return [each.text for each in user.rules]
