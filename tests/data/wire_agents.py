"""Agents for clients that speak nothing but the wire protocol: each does one thing a client can see."""

import asyncio
import threading
import time
from typing import Any

from callboard import Context, Retry, Task, specialist


@specialist("echo", keywords=["echo"], concurrency=50)
async def echo(task: Task) -> dict[str, Any]:
    return {"echo": task.input}


@specialist("plain")
def plain(task: Task, ctx: Context) -> dict[str, Any]:
    ctx.progress(0.5, "in a thread")
    return {"thread": threading.current_thread() is not threading.main_thread(), "attempt": task.attempt}


@specialist("flaky", max_attempts=3, retry_base_seconds=0)
async def flaky(task: Task) -> dict[str, Any]:
    if task.attempt < task.input["succeeds_at"]:
        raise ConnectionError(f"attempt {task.attempt} of {task.max_attempts} came to nothing")
    return {"attempt": task.attempt}


@specialist("patient")
async def patient(task: Task) -> dict[str, Any]:
    if task.attempt < task.input["succeeds_at"]:
        raise Retry("not yet", after=task.input["after"])
    return {"attempt": task.attempt}


class NoSuchInvoiceError(Exception):
    retryable = False


@specialist("final", max_attempts=5)
def final(task: Task) -> None:
    raise NoSuchInvoiceError(f"no invoice {task.input}")


@specialist("reporter")
async def reporter(task: Task, ctx: Context) -> str:
    await ctx.progress(0.25, "looking up the invoice")
    await ctx.progress(note="nearly: ½ left, größer als ✓")
    await ctx.progress(1)
    return f"done with {task.id}"


@specialist("waiter")
async def waiter(_task: Task, ctx: Context) -> None:
    ctx.log.info("waiter begins")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        ctx.log.info("waiter saw CancelledError", flag=ctx.cancelled)
        raise


@specialist("watcher")
def watcher(_task: Task, ctx: Context) -> None:
    ctx.log.info("watcher begins")
    while not ctx.cancelled:
        time.sleep(0.005)
    ctx.log.info("watcher saw the flag")


@specialist("single", concurrency=1)
async def single(task: Task) -> str:
    if task.input == "wait":
        await asyncio.Event().wait()
    return task.priority
