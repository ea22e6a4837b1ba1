"""Heartbeats seen from outside: which tasks they submitted, and what waits at the server."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from tests.support.waiting import PAUSE_SECONDS
from tests.support.wire import ANSWER_SECONDS, Kept, Wire
from tests.support.wire_event import PREFIX, WireEvent

TIMERS = "CALLBOARD_TIMERS"
_ID = re.compile(r"(?P<name>.+)-(?P<stamp>\d{8}T\d{6}Z)")


def nominal(task_id: str) -> datetime:
    """Return the time in the id of a heartbeat's task."""
    match = _ID.fullmatch(task_id)
    assert match, task_id
    return datetime.strptime(match["stamp"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


async def submitted(wire: Wire, name: str) -> list[WireEvent]:
    """Return the first event of each task that the heartbeat ``name`` has submitted, in the order of the log."""
    events = [
        WireEvent(each.subject, each.seq, each.data) for each in await wire.kept("CALLBOARD_EVENTS", f"{PREFIX}*.1.>")
    ]
    return [event for event in events if event.body.get("heartbeat") == name]


async def beats(wire: Wire, name: str, count: int) -> list[WireEvent]:
    """Return what :func:`submitted` does once it is at least so many."""
    found: list[WireEvent] = []

    async def enough() -> bool:
        found[:] = await submitted(wire, name)
        return len(found) >= count

    await _until(enough, f"{name} has submitted {count} tasks")
    return found


async def timers(wire: Wire, name: str) -> list[Kept]:
    """Return the timers of a heartbeat that wait."""
    return await wire.kept(TIMERS, f"callboard.timers.heartbeat.{name}.>")


async def listed(wire: Wire, name: str) -> dict[str, Any] | None:
    """Return what the service says of a heartbeat, None when there is none."""
    answer = (await wire.ask("query.heartbeats", {})).ok
    found: list[dict[str, Any]] = [each for each in answer["heartbeats"] if each["name"] == name]
    return found[0] if found else None


async def set_and_taken(wire: Wire, name: str, **definition: Any) -> dict[str, Any]:
    """Set a heartbeat through its command and return it as it is listed."""
    await wire.publish(f"callboard.heartbeat.{name}", definition)
    found: dict[str, Any] = {}

    async def taken() -> bool:
        found.update(await listed(wire, name) or {})
        return bool(found) and {key: found[key] for key in definition} == definition

    await _until(taken, f"heartbeat {name} is set")
    return found


async def gone(wire: Wire, name: str) -> None:
    """Remove a heartbeat through its command and return when it is listed no more."""
    await wire.publish(f"callboard.heartbeat.{name}", b"")

    async def away() -> bool:
        return await listed(wire, name) is None

    await _until(away, f"heartbeat {name} is removed")


async def fire(wire: Wire, name: str, version: int, at: datetime, last: str | None = None) -> None:
    """Have the server say now that a timer for ``at`` is due."""
    body = {"name": name, "version": version, "at": at.isoformat(), "last": last}
    await wire.publish(f"callboard.due.heartbeat.{name}.{version}", body)


async def handled(wire: Wire) -> None:
    """Return when every due timer so far has been dealt with."""

    async def idle() -> bool:
        info = await wire.js.consumer_info(TIMERS, "heartbeats-due")
        return not info.num_pending and not info.num_ack_pending

    await _until(idle, "no heartbeat is due")


async def _until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        await asyncio.sleep(PAUSE_SECONDS)
