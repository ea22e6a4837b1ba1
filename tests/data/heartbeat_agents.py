"""Agents for tests of heartbeats: one that ends at once, and one whose tasks end when a file is there."""

import asyncio
from pathlib import Path

from callboard import Task, specialist


@specialist("pulse", concurrency=50)
async def pulse(task: Task) -> str:
    return task.id


@specialist("waiter", concurrency=50)
async def waiter(task: Task) -> str:
    """Wait for the file that the input names."""
    while not Path(task.input).exists():  # noqa: ASYNC110, ASYNC240 - another process makes it, on this disk
        await asyncio.sleep(0.01)
    return task.id
