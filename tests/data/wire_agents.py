"""Agents for clients that speak nothing but the wire protocol: each does one thing a client can see."""

import asyncio
import threading
import time
from typing import Any

import msgspec

from callboard import Context, Task, specialist


@specialist("echo", keywords=["echo"], concurrency=50)
async def echo(task: Task) -> dict[str, Any]:
    return {"echo": task.input}


@specialist("measure", concurrency=4)
async def measure(task: Task) -> int:
    return len(task.input)


@specialist("flaky", max_attempts=3)
async def flaky(task: Task) -> dict[str, Any]:
    if task.attempt < task.input["succeeds_at"]:
        raise ConnectionError(f"attempt {task.attempt} of {task.max_attempts} came to nothing")
    return {"attempt": task.attempt}


class NoSuchInvoiceError(Exception):
    retryable = False


@specialist("final", max_attempts=5)
def final(task: Task) -> None:
    raise NoSuchInvoiceError(f"no invoice {task.input}")


class Refund(msgspec.Struct, forbid_unknown_fields=True):
    invoice: str
    amount: float
    lines: list[int] = []


@specialist("typed", max_attempts=3)
async def typed(refund: Refund, ctx: Context) -> dict[str, Any]:
    return {"task": ctx.task.id, "refund": refund}


@specialist("slow", timeout_seconds=0.2, max_attempts=2)
async def slow(_task: Task) -> None:
    await asyncio.Event().wait()


@specialist("hanging", concurrency=40, timeout_seconds=0.2, max_attempts=1)
def hanging(_task: Task) -> None:
    threading.Event().wait()


@specialist("odd", max_attempts=3)
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


@specialist("reporter")
async def reporter(task: Task, ctx: Context) -> str:
    await ctx.progress(0.25, "looking up the invoice")
    await ctx.progress(note="nearly: ½ left, größer als ✓")
    await ctx.progress(1)
    return f"done with {task.id}"


@specialist("plain")
def plain(task: Task, ctx: Context) -> dict[str, Any]:
    ctx.progress(0.5, "in a thread")
    return {"thread": threading.current_thread() is not threading.main_thread(), "attempt": task.attempt}


@specialist("mirror")
async def mirror(task: Task) -> dict[str, Any]:
    """Return everything a handler is told about its task."""
    told = {name: value for name, value in msgspec.structs.asdict(task).items() if name != "submitted_at"}
    return {**told, "submitted_at": task.submitted_at.isoformat()}


@specialist("waiter")
async def waiter(_task: Task, ctx: Context) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        ctx.log.info("waiter saw CancelledError", flag=ctx.cancelled)
        raise


@specialist("watcher")
def watcher(_task: Task, ctx: Context) -> None:
    while not ctx.cancelled:
        time.sleep(0.005)
    ctx.log.info("watcher saw the flag")


@specialist("single", concurrency=1)
async def single(task: Task) -> str:
    if task.input == "wait":
        await asyncio.Event().wait()
    return task.priority
