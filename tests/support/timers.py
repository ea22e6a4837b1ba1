"""The timers of tasks as anybody who may ask the server sees them."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.support.log_audit import LogAudit
from tests.support.waiting import PAUSE_SECONDS
from tests.support.wire import Wire

WAITING = "callboard.timers.task.>"
FIRED = "callboard.due.task.>"


def in_seconds(seconds: float) -> str:
    """Return the time so many seconds from now, as a client writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def timers(wire: Wire, pattern: str = WAITING) -> set[str]:
    """Return the subjects that hold a timer, without what they begin with: ``<task>.<version>``."""
    request = json.dumps({"subjects_filter": pattern}).encode()
    reply = await wire.connection.request("$JS.API.STREAM.INFO.CALLBOARD_TIMERS", request, timeout=10)
    names = json.loads(reply.data)["state"].get("subjects") or {}
    return {name.removeprefix(pattern.removesuffix(">")) for name in names}


async def until_timers(wire: Wire, wanted: Callable[[set[str]], object], what: str, pattern: str = WAITING) -> None:
    """Wait until the timers are as ``wanted``."""
    async with asyncio.timeout(20):
        while not wanted(found := await timers(wire, pattern)):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(PAUSE_SECONDS)
    assert wanted(found), what


async def over(wire: Wire, count: int) -> LogAudit:
    """Wait until so many tasks are over and their timers dealt with, and return the audit of the whole log."""
    async with asyncio.timeout(60):
        while not _over(audit := await LogAudit.of(wire), count):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(10 * PAUSE_SECONDS)
    await until_timers(wire, lambda found: not found, "all that have fired are dealt with", FIRED)
    return audit


def _over(audit: LogAudit, count: int) -> bool:
    return len(audit.tasks) == count and all(task.ended for task in audit.tasks.values())
