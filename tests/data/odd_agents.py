"""Agents whose handlers end in every way a handler can, and those that say what they were given."""

import asyncio
import threading
from typing import Any

import msgspec

from callboard import Context, Task, specialist


@specialist("slow", timeout_seconds=0.2, max_attempts=2, retry_base_seconds=0)
async def slow(_task: Task) -> None:
    await asyncio.Event().wait()


@specialist("hanging", concurrency=40, timeout_seconds=0.2, max_attempts=1)
def hanging(_task: Task) -> None:
    threading.Event().wait()


@specialist("odd", max_attempts=3, retry_base_seconds=0)
async def odd(task: Task) -> Any:
    """End in the way the input asks for, each of them one that no handler should."""
    if task.input == "object":
        return object()
    if task.input == "huge":
        return "x" * 3_000_000
    if task.input == "exit":
        raise SystemExit("enough")
    if task.input == "interrupt":
        raise KeyboardInterrupt
    raise asyncio.CancelledError


class Refund(msgspec.Struct, forbid_unknown_fields=True):
    invoice: str
    amount: float
    lines: list[int] = []


@specialist("typed", max_attempts=3)
async def typed(refund: Refund, ctx: Context) -> dict[str, Any]:
    return {"task": ctx.task.id, "refund": refund}


@specialist("mirror")
def mirror(task: Task) -> dict[str, Any]:
    """Return everything a handler is told about its task."""
    told = {name: value for name, value in msgspec.structs.asdict(task).items() if name != "submitted_at"}
    return {**told, "submitted_at": task.submitted_at.isoformat()}
