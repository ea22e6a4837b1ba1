"""An agent at which tasks queue until a file is there."""

import asyncio
from pathlib import Path

from callboard import Task, specialist

CONCURRENCY = 4


@specialist("clerk", concurrency=CONCURRENCY, timeout_seconds=600)
async def clerk(task: Task) -> None:
    """Wait for the file that the input names."""
    while not Path(task.input).exists():  # noqa: ASYNC110, ASYNC240 - the test makes it, on this disk
        await asyncio.sleep(0.01)
