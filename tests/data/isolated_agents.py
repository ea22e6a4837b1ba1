"""Agents for the tests of worker processes; each input says what to do, or where to say that it is done."""

import contextlib
import ctypes
import gc
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import structlog
from msgspec import Struct

from callboard import Context, Task, specialist

HELD_SECONDS = 600


class Order(Struct):
    invoice: str
    amount: int = 1


class OutOfStockError(Exception):
    retryable = False


@specialist("echo", isolation="process", concurrency=2)
def echo(task: Task) -> Any:
    return task.input


@specialist("who", isolation="process", concurrency=2)
def who(task: Task) -> list[Any]:
    """Return the ids of this process and of its group, and of its thread whether it is the main one."""
    if task.input is not None:
        meet(Path(task.input["folder"]), task.input["count"])
    return [os.getpid(), os.getpgrp(), threading.current_thread() is threading.main_thread()]


@specialist("order", isolation="process", concurrency=1)
def order(wanted: Order, ctx: Context) -> dict[str, Any]:
    return {"invoice": wanted.invoice, "amount": wanted.amount, "task": ctx.task.id, "same": ctx.task.input is wanted}


@specialist("telling", isolation="process", concurrency=1)
def telling(task: Task, ctx: Context) -> list[Any]:
    return [task.id, task.agent, task.kind, task.attempt, task.metadata, task.submitted_at, ctx.cancelled]


@specialist("raising", isolation="process", concurrency=1)
def raising(task: Task) -> Any:
    match task.input:
        case "value":
            raise ValueError("no good")
        case "stock":
            raise OutOfStockError("sold out")
        case "exit":
            sys.exit(3)
        case "interrupt":
            raise KeyboardInterrupt
        case "surrogate":
            raise ValueError("\ud800")
        case "object":
            return object()
        case "long":
            return "x" * 5_000
    return os.getpid()


@specialist("dying", isolation="process", concurrency=1)
def dying(task: Task) -> Any:
    match task.input:
        case "exit":
            os._exit(7)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "segfault":
            ctypes.string_at(0)
        case "close":
            os.closerange(3, 256)
        case "garbage":
            for fd in range(3, 256):
                with contextlib.suppress(OSError):
                    os.write(fd, b"\x00\x00\x00\x05trash")
        case "fork":  # the child keeps the pipes
            if os.fork() == 0:
                time.sleep(HELD_SECONDS)
            os._exit(9)
    return os.getpid()


@specialist("held", isolation="process", concurrency=4)
def held(task: Task, ctx: Context) -> str:
    """Never end, in the way the input says, and note in a file which processes there are."""
    child = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({HELD_SECONDS})"])
    note(Path(task.input["file"]), f"{os.getpid()} {child.pid}")
    match task.input["way"]:
        case "loop":
            while True:
                pass
        case "gil":  # one call in C that never lets go of the GIL
            re.match(r"(a+)+$", "a" * 64 + "b")
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(HELD_SECONDS)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "polite":
            while not ctx.cancelled:
                time.sleep(0.001)
    child.kill()
    child.wait()
    return "stopped"


@specialist("reporting", isolation="process", concurrency=1)
def reporting(task: Task, ctx: Context) -> list[str]:
    failures = []
    for number in range(task.input):
        receipt = ctx.progress(number / task.input, f"step {number}")
        try:
            receipt.wait()
        except Exception as error:  # noqa: BLE001 - the test asks which
            failures.append(f"{type(error).__name__}: {error}")
    return failures


@specialist("flooding", isolation="process", concurrency=1)
def flooding(task: Task, ctx: Context) -> None:
    for number in range(task.input):
        ctx.progress(note=str(number))


@specialist("noisy", isolation="process", concurrency=1)
def noisy(task: Task, ctx: Context) -> str:
    sys.stdout.write("printed\n")
    os.write(1, b"written\n")
    ctx.log.info("shop.asked", level="mine", event_time=1.5, thing=object(), odd="\ud800" if task.input else "")
    structlog.get_logger().debug("shop.detail")
    logging.getLogger("some.library").warning("from %s", "afar")
    try:
        int("deep")
    except ValueError:
        ctx.log.exception("shop.broke")
    return "done"


@specialist("collected", isolation="process", concurrency=1)
def collected(_task: Task) -> int:
    """Return how many tasks are still in memory."""
    gc.collect()
    return sum(isinstance(thing, Task) for thing in gc.get_objects())


def note(file: Path, text: str) -> None:
    """Write ``text`` so that nobody sees half of it."""
    draft = file.with_suffix(".draft")
    draft.write_text(text, encoding="ascii")
    draft.rename(file)


def meet(folder: Path, count: int) -> None:
    """Return when so many processes are in here at a time."""
    (folder / str(os.getpid())).touch()
    while len(list(folder.iterdir())) < count:
        time.sleep(0.001)
