"""Handlers for tests of the runner."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from callboard.actors.agents import Agent, specialist
from callboard.actors.context import Context
from callboard.actors.task import Task

Handler = Callable[[Task, Context], Any]


def both(handler: Handler) -> list[Agent]:
    """Return ``handler`` as an agent that is a plain function, and as one that is async."""

    async def later(task: Task, ctx: Context) -> Any:
        await asyncio.sleep(0)
        return handler(task, ctx)

    return [specialist("plain")(functools.partial(handler)), specialist("async")(later)]
