"""What must hold for a callboard that has served its clients: log, commands and views agree, and nothing broke."""

import json
from typing import Any

from tests.support.command_audit import COMMANDS, CommandAudit
from tests.support.consumer import until_settled
from tests.support.log_audit import LogAudit
from tests.support.wire import Wire

DEFECTS = frozenset(
    {
        "actor.crashed",
        "actor.poisoned",
        "deadline.failed",
        "delivery.channel_failed",
        "handler.done_failed",
        "log.stray_message",
        "loop.blocked",
        "loop.error",
        "mailbox.failed",
        "projection.event_skipped",
        "projection.event_unreadable",
        "service.request_failed",
    }
)


async def check_board(url: str) -> None:
    """Wait until callboard at ``url`` has nothing left to do, and audit what it has done."""
    wire = await Wire.open(url)
    try:
        await until_settled(wire, COMMANDS, "orchestrator")
        audit = await LogAudit.of(wire)
        audit.check_over()
        (await CommandAudit.of(wire)).check(audit.tasks)
        await audit.check_views(wire)
    finally:
        await wire.close()


def defects(log: str) -> list[dict[str, Any]]:
    """Return the lines of a JSON log that callboard must never have a reason to write."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] in DEFECTS]
