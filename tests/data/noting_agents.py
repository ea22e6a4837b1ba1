"""Agents that write down each execution before they do anything else, for tests that compare this with the log.

The submission's ``metadata`` names the file (``notes``); its ``input`` says how long to work (``seconds``), how many
attempts come to nothing (``fails``), whether to report progress, and how often to do so in a flood (``reports``).
"""

import asyncio
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from callboard import Context, Task, specialist


@specialist("noter", keywords=["note"], fallback=True, concurrency=20, max_attempts=6, retry_base_seconds=0)
async def noter(task: Task, ctx: Context) -> dict[str, Any]:
    note(task)
    work = task.input
    if work.get("progress"):
        await ctx.progress(0.5, "half-way")
    await asyncio.sleep(work.get("seconds", 0))
    return _end(task)


@specialist("plodder", concurrency=5, max_attempts=6, retry_base_seconds=0)
def plodder(task: Task, ctx: Context) -> dict[str, Any]:
    note(task)
    work = task.input
    if work.get("progress"):
        ctx.progress(note="half-way")
    _flood(task, ctx)
    time.sleep(work.get("seconds", 0))
    return _end(task)


@specialist("waiter", concurrency=3, max_attempts=3, retry_base_seconds=0)
async def waiter(task: Task, ctx: Context) -> dict[str, Any]:
    """Wait for the file ``go`` of the input, however long that takes."""
    note(task)
    while not Path(task.input["go"]).exists():  # noqa: ASYNC110, ASYNC240 - another process makes it, on this disk
        await asyncio.sleep(0.01)
    _flood(task, ctx)
    await asyncio.sleep(task.input.get("seconds", 0))
    return {"attempt": task.attempt}


@specialist("loner", concurrency=1, retry_base_seconds=0)
async def loner(task: Task, ctx: Context) -> dict[str, Any]:
    """Wait for the file ``go`` of the input, alone, and say how that ended."""
    note(task)
    try:
        while not Path(task.input["go"]).exists():  # noqa: ASYNC110, ASYNC240 - as above
            await asyncio.sleep(0.01)
    except asyncio.CancelledError:
        ctx.log.info("told to stop")
        raise
    finally:
        ctx.log.info("place is free")
    return {"attempt": task.attempt}


@specialist("killer", retry_base_seconds=0)
def killer(task: Task) -> None:
    """End the whole process."""
    note(task)
    os._exit(9)


def note(task: Task) -> None:
    """Append one line about this execution, whole or not at all."""
    line = {"id": task.id, "attempt": task.attempt, "at": datetime.now(UTC).isoformat(), "pid": os.getpid()}
    file = os.open(task.metadata["notes"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, json.dumps(line).encode() + b"\n")
    finally:
        os.close(file)


def _flood(task: Task, ctx: Context) -> None:
    reports = task.input.get("reports", 0)
    for number in range(1, reports + 1):
        ctx.progress(number / reports)


def _end(task: Task) -> dict[str, Any]:
    if task.attempt <= task.input.get("fails", 0):
        raise ConnectionError("as told")
    return {"attempt": task.attempt}
