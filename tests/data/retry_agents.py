"""Agents that say when, and whether, they are to be tried again."""

from typing import Any, NoReturn

from callboard import Fail, Retry, Task, specialist

ORDERS: dict[str, str] = {}


@specialist("backing", max_attempts=5, retry_base_seconds=0.1, retry_factor=3, retry_cap_seconds=0.5, concurrency=50)
async def backing(task: Task) -> dict[str, Any]:
    """Succeed at the attempt that the input names."""
    if task.attempt < task.input:
        raise ConnectionError(f"attempt {task.attempt}")
    return {"attempt": task.attempt}


@specialist("asking", max_attempts=2, retry_base_seconds=300)
async def asking(task: Task) -> NoReturn:
    """Ask for another attempt after as many seconds as the input says."""
    raise Retry("the shop is closed", after=task.input)


@specialist("failing", max_attempts=5)
def failing(task: Task) -> None:
    """Give up, because of an error."""
    try:
        ORDERS.pop(task.input)
    except KeyError as error:
        raise Fail("no such order") from error


@specialist("picky", max_attempts=5, retry_base_seconds=0, no_retry=(LookupError,))
def picky(task: Task) -> NoReturn:
    """Raise what the input names."""
    raise {"key": KeyError, "value": ValueError}[task.input](task.attempt)
