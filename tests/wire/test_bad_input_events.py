"""Messages that somebody publishes past callboard, where only callboard should: they disturb no task but their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.board_audit import defects
from tests.support.dead_letter import dead_letter
from tests.support.running import Running
from tests.support.wire import Wire
from tests.support.wire_event import names

APP = Path(__file__).parent.parent / "data" / "echo_agents.py"
TASK = "callboard.events.task"
AT = '"at": "2026-01-01T00:00:00Z"'
EXPECTED = {"actor.poisoned", "log.stray_message", "projection.event_unreadable", "projection.event_skipped"}
"""What callboard is to say about them in its log, and no more."""

STRAY = {
    "an assignment that is no JSON": (f"{TASK}.stray.1.assigned.echo.normal", b"garbage"),
    "an assignment of no task": (
        f"{TASK}.stray.1.assigned.echo.normal",
        f'{{"id": "stray", "version": 1, {AT}, "agent": "echo", "priority": "normal", "attempt": 1}}'.encode(),
    ),
    "an assignment to another band": (
        f"{TASK}.stray.1.assigned.echo.normal",
        f'{{"id": "x", "version": 9, {AT}, "agent": "echo", "priority": "urgent", "attempt": -1}}'.encode(),
    ),
    "an end that is no JSON": (f"{TASK}.stray.1.completed", b"garbage"),
    "an end of no task": (
        f"{TASK}.stray.7.completed",
        f'{{"id": "stray", "version": 7, {AT}, "output": 1, "duration_ms": 1}}'.encode(),
    ),
    "a submission that is no text": (f"{TASK}.stray.1.submitted", b"\xff\xfe"),
    "a deep one": (f"{TASK}.stray.1.cancelled", b"[" * 5_000),
    "an empty one": (f"{TASK}.stray.1.submitted", b""),
    "an event nobody knows": (f"{TASK}.stray.1.unheard_of", b"{}"),
    "a version that is none": (f"{TASK}.stray.x.submitted", b"{}"),
    "no version": (f"{TASK}.stray", b"{}"),
    "a star for a task": (f"{TASK}.*.1.submitted", b"{}"),
    "another kind": ("callboard.events.other.x.1.done", b"{}"),
    "no kind": ("callboard.events.x", b""),
    "a live event that was never stored": ("callboard.live.task.stray.1.cancelled", b"{}"),
    "a live event of no token": ("callboard.live.task.ü.1.cancelled", b""),
}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Callboard with a log that is not audited: it holds what it should not."""
    running = Running(tmp_path_factory.mktemp("board"), "--port", "0", "--app", str(APP))
    yield running
    assert running.stop() == 0
    assert {line["event"] for line in defects(running.log)} <= EXPECTED


@pytest.mark.parametrize(("subject", "data"), STRAY.values(), ids=STRAY.keys())
async def test_a_stray_message_disturbs_nobody(wire: Wire, subject: str, data: bytes) -> None:
    await wire.connection.publish(subject, data)

    events = await wire.run({"input": "echo", "delivery": [{"channel": "log"}]})

    assert names(events)[:5] == ["submitted", "routed", "assigned", "started", "completed"]
    shown = (await wire.ask("query.tasks", {"min_seq": events[-1].seq, "limit": 5})).ok["tasks"]
    assert shown[0]["id"] == events[0].task_id
    assert (await wire.ask("query.stats")).ok["completed"] >= 1


async def test_a_command_to_a_task_whose_log_is_broken_is_a_dead_letter(wire: Wire, new_id: str) -> None:
    await wire.js.publish(f"{TASK}.{new_id}.1.submitted", b"garbage")
    body = b'{"id": "%s", "input": 1}' % new_id.encode()

    ack = await wire.publish("callboard.submit.echo", body)

    letter = await dead_letter(wire, ack.seq)
    assert (letter.reason, letter.data) == ("poison", body)
    assert names(await wire.run({"input": "echo"}))[-1] == "completed"
