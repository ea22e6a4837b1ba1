"""One agent, for tests in which it does not matter what it does."""

from typing import Any

from callboard import Task, specialist


@specialist("echo", keywords=["echo"], concurrency=50)
async def echo(task: Task) -> dict[str, Any]:
    return {"echo": task.input}
