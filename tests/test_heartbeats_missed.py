"""Heartbeats that were due while nothing ran, timers that got lost, and timers that nobody can read."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from callboard.config import Config
from tests.support.beating import beats, fire, handled, set_and_taken, submitted, timers
from tests.support.fresh_server import wire_to_server
from tests.support.log_lines import captured
from tests.support.nats_server import NatsServer
from tests.support.successive_boards import Boards
from tests.support.waiting import until
from tests.support.wire import Wire

SECOND = timedelta(seconds=1)
HOUR = {"agent": "pulse", "input": 1, "every_seconds": 3600.0}
BUSY = {"agent": "pulse", "input": 1, "every_seconds": 1.0, "overlap": "allow"}
wire = pytest_asyncio.fixture(wire_to_server)


@pytest_asyncio.fixture
async def boards(fresh_nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Boards]:
    with captured() as lines:
        made = Boards(tmp_path, fresh_nats_server, lines)
        yield made
        made.stop()


def due_times(tasks: list[Any]) -> list[datetime]:
    return [datetime.fromisoformat(task.body["scheduled_for"]) for task in tasks]


async def down(boards: Boards, wire: Wire, name: str, seconds: float) -> list[datetime]:
    """Set a heartbeat of one second, stop callboard for so long, and return what was due in time."""
    await set_and_taken(wire, name, **BUSY)
    await beats(wire, name, 1)
    boards.stop()
    stopped = time.monotonic()
    until(lambda: time.monotonic() >= stopped + seconds, "callboard has been down for a while")
    return due_times(await submitted(wire, name))


async def test_what_was_due_while_callboard_was_down_comes_down_to_one(boards: Boards, wire: Wire) -> None:
    boards.start()
    before = await down(boards, wire, "down", 4.5)
    boards.start()
    found = due_times(await beats(wire, "down", len(before) + 2))[len(before) :]

    assert found[0] == before[-1] + SECOND, "expected the first of those missed"
    assert found[1] - found[0] >= 4 * SECOND, "expected the others not to be made up for"
    assert boards.lines.wait("heartbeat.missed")["made_up"] == 1


async def test_all_of_them_are_made_up_for_when_the_setting_says_so(boards: Boards, wire: Wire) -> None:
    boards.start(missed_heartbeats="all")
    before = await down(boards, wire, "down", 3.5)
    boards.start(missed_heartbeats="all")
    found = due_times(await beats(wire, "down", len(before) + 4))

    assert found == [found[0] + number * SECOND for number in range(len(found))]


async def test_none_of_them_is_made_up_for_when_the_setting_says_so(boards: Boards, wire: Wire) -> None:
    boards.start(missed_heartbeats="none")
    before = await down(boards, wire, "down", 3.5)
    boards.start(missed_heartbeats="none")
    started = datetime.now(UTC)
    found = due_times(await beats(wire, "down", len(before) + 1))[len(before) :]

    assert found[0] > started - SECOND
    assert found[0] >= before[-1] + 3 * SECOND
    assert boards.lines.wait("heartbeat.missed")["made_up"] == 0


async def test_timers_outlive_the_server_being_killed(boards: Boards, fresh_nats_server: NatsServer) -> None:
    boards.start()
    first = await Wire.open(fresh_nats_server.url)
    await set_and_taken(first, "outlives", **BUSY)
    before = len(await beats(first, "outlives", 1))
    fresh_nats_server.kill()
    await first.close()
    fresh_nats_server.start()
    again = await Wire.open(fresh_nats_server.url)
    found = due_times(await beats(again, "outlives", before + 3))
    await again.close()

    assert found == sorted(set(found))


async def test_a_timer_that_got_lost_is_set_again_at_the_next_start(boards: Boards, wire: Wire) -> None:
    boards.start()
    await set_and_taken(wire, "kept", **HOUR)
    await set_and_taken(wire, "lost", **HOUR)
    await set_and_taken(wire, "off", **HOUR, enabled=False)
    boards.stop()
    await wire.js.purge_stream("CALLBOARD_TIMERS", subject="callboard.timers.heartbeat.lost.>")
    boards.start()

    line = boards.lines.wait("heartbeat.reconciled", 2)
    assert (line["checked"], line["mended"]) == (2, 1)
    assert [len(await timers(wire, name)) for name in ("kept", "lost", "off")] == [1, 1, 0]


async def test_one_that_is_due_when_callboard_starts_is_not_called_lost(boards: Boards, wire: Wire) -> None:
    boards.start()
    await down(boards, wire, "due", 1.5)
    boards.start()
    line = boards.lines.wait("heartbeat.reconciled", 2)
    assert (line["checked"], line["mended"]) == (1, 0)


async def test_a_timer_that_lost_its_event_is_left_alone(boards: Boards, wire: Wire) -> None:
    boards.start()
    await fire(wire, "never", 1, datetime.now(UTC))
    await wire.publish("callboard.due.heartbeat.never.1", b"nonsense")
    await handled(wire)
    assert boards.lines.wait("log.stray_message")["stream"] == "CALLBOARD_TIMERS"
    assert await submitted(wire, "never") == []


async def test_what_was_dealt_with_is_removed_at_the_next_start(boards: Boards, wire: Wire) -> None:
    boards.start()
    await set_and_taken(wire, "swept", **BUSY)
    await beats(wire, "swept", 2)
    await set_and_taken(wire, "swept", **BUSY, enabled=False)
    await handled(wire)
    boards.stop()
    boards.start()
    assert await wire.kept("CALLBOARD_TIMERS", "callboard.due.heartbeat.>") == []


@pytest.mark.parametrize("value", ["two", "", "One"])
def test_a_setting_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expected missed_heartbeats to be one of one, all, none"):
        Config.build(missed_heartbeats=value)
