"""An agent that fails until a file is there."""

from pathlib import Path
from typing import Any

from callboard import Context, Task, specialist


@specialist("flaky", fallback=True, max_attempts=1)
def flaky(task: Task, _ctx: Context) -> str:
    if not Path(task.input).exists():
        raise FileNotFoundError(task.input)
    return "there"


@specialist("other", max_attempts=1)
def other(task: Task, ctx: Context) -> Any:
    return flaky(task, ctx)
