"""Lines that user code wrote to the log of a callboard that runs as a process of its own."""

import json
from typing import Any

from tests.support.running import Running
from tests.support.waiting import eventually


async def logged(board: Running, event: str, task_id: str) -> dict[str, Any]:
    """Wait until a handler has logged ``event`` about its task, and return the line."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        lines = [json.loads(line) for line in board.log.splitlines() if event in line and task_id in line]
        found[:] = [line for line in lines if line["event"] == event]
        return bool(found)

    await eventually(there, f"{event!r} was logged about {task_id}")
    return found[0]
