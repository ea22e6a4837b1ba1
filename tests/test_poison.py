"""Messages that nobody can deal with: each is set aside or left waiting, alone, and no actor falls over them.

The histories that nobody can read are published past callboard, straight into its event log.
"""

import json
from typing import Any

import pytest
import pytest_asyncio

from tests.support.consumer import until_holding, until_settled
from tests.support.dead_letter import dead_letters
from tests.support.fresh_server import stage_on_server, wire_to_stage
from tests.support.stage import Stage
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import names

GARBAGE = b'{"id":1}'
AT = "2026-11-21T08:00:00Z"
EVENTS = "CALLBOARD_EVENTS"
POISONED = 3
NORMAL = "specialist-noter-normal"
board = pytest.fixture(stage_on_server)
wire = pytest_asyncio.fixture(wire_to_stage)


async def forge(wire: Wire, task_id: str, version: int, event: str, body: Any) -> int:
    """Put something into the log that callboard would never write, and return its sequence."""
    return (await wire.publish(f"callboard.events.task.{task_id}.{version}.{event}", body)).seq


async def runs(wire: Wire, board: Stage, task_id: str) -> None:
    """Check that a task that came later is done."""
    done = await wire.run(board.submission(task_id) | {"id": task_id}, "noter")
    assert names(done)[-1] == "completed"


def crashes(board: Stage) -> list[dict[str, Any]]:
    return [*board.lines.named("actor.crashed"), *board.lines.named("supervisor.restarting")]


async def test_a_command_that_fails_on_every_delivery_becomes_a_dead_letter(wire: Wire, board: Stage) -> None:
    await forge(wire, "broken", 1, "submitted", GARBAGE)

    ack = await wire.publish("callboard.cancel.broken", {"reason": "why not"})
    await runs(wire, board, "good")
    assert await dead_letters(wire) == []

    await eventually(lambda: board.lines.named("actor.poisoned"), "it is set aside")
    await until_settled(wire, "CALLBOARD_COMMANDS", "orchestrator")
    (letter,) = await dead_letters(wire)
    assert (letter.reason, letter.sequence) == ("poison", ack.seq)
    assert json.loads(letter.data) == {"reason": "why not"}
    assert "broken" in letter.error
    assert len(board.lines.named("actor.letter_failed")) == POISONED - 1
    assert crashes(board) == []


async def test_a_request_that_cannot_be_decided_is_answered_and_the_next_is_taken(wire: Wire, board: Stage) -> None:
    await forge(wire, "broken", 1, "submitted", GARBAGE)

    answer = await wire.ask("api.submit", board.submission("broken") | {"agent": "noter"})

    answer.error(500)
    line = board.lines.wait("actor.petition_failed")
    assert (line["actor"], line["task_id"], line["level"]) == ("orchestrator", "broken", "error")
    assert "broken" in str(line["exc_info"])
    assert (await wire.ask("api.submit", board.submission("good") | {"agent": "noter"})).ok["id"] == "good"
    assert crashes(board) == []


async def test_many_of_them_hold_up_nobody(wire: Wire, board: Stage) -> None:
    for number in range(20):
        await forge(wire, f"broken-{number}", 1, "submitted", GARBAGE)
        await wire.publish(f"callboard.cancel.broken-{number}", b"")
        await runs(wire, board, f"good-{number}")

    await until_settled(wire, "CALLBOARD_COMMANDS", "orchestrator")
    assert [letter.reason for letter in await dead_letters(wire)] == ["poison"] * 20
    assert crashes(board) == []
    assert board.given_up.empty()


async def test_a_task_nobody_can_read_waits_and_others_are_run(wire: Wire, board: Stage) -> None:
    await forge(wire, "broken", 1, "submitted", GARBAGE)
    assigned = {"id": "broken", "version": 2, "at": AT, "agent": "noter", "priority": "normal", "attempt": 1}
    await forge(wire, "broken", 2, "assigned.noter.normal", assigned)

    await runs(wire, board, "good")
    await eventually(lambda: board.lines.named("actor.poisoned"), "it is left waiting")

    await until_holding(wire, EVENTS, NORMAL, 1)
    await runs(wire, board, "better")
    assert board.lines.named("actor.poisoned")[0]["actor"] == "specialist-noter"
    assert crashes(board) == []


async def test_an_assignment_that_is_none_is_left_alone(wire: Wire, board: Stage) -> None:
    strays = [
        await forge(wire, "stray", 1, "assigned.noter.normal", GARBAGE),
        await forge(wire, "stray", 2, "assigned.noter.normal", b"\xff"),
    ]

    await runs(wire, board, "good")

    await until_settled(wire, EVENTS, NORMAL)
    assert [line["seq"] for line in board.lines.named("log.stray_message")] == strays
    assert crashes(board) == []


async def test_a_result_nobody_can_read_waits_and_others_are_delivered(wire: Wire, board: Stage) -> None:
    await forge(wire, "broken", 1, "submitted", GARBAGE)
    await forge(wire, "broken", 2, "completed", {"id": "broken", "version": 2, "at": AT, "output": 1, "duration_ms": 1})

    body = board.submission("good") | {"delivery": [{"channel": "log"}]}
    await wire.publish("callboard.submit.noter", body)
    await eventually(lambda: board.lines.named("delivery.logged"), "the other one is delivered")
    await eventually(lambda: board.lines.named("actor.poisoned"), "the broken one is left waiting")

    await until_holding(wire, EVENTS, "delivery-completed", 1)
    assert crashes(board) == []
