"""Fires that submit nothing because callboard refuses them, and a heartbeat that has no fire left."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.support.beating import beats, fire, handled, set_and_taken, submitted, timers
from tests.support.log_lines import captured
from tests.support.nats_server import NatsServer
from tests.support.successive_boards import Boards
from tests.support.wire import Wire

BUSY: dict[str, Any] = {"agent": "pulse", "input": 1, "every_seconds": 1.0, "overlap": "allow"}
YEARLY: dict[str, Any] = {"agent": "pulse", "input": 1, "cron": "0 0 31 12 *"}
HERE = {"channel": "webhook", "url": "http://127.0.0.1:9/hook"}
LAST_DAY = datetime(9999, 12, 31, tzinfo=UTC)
"""The calendar ends before the next one."""


@pytest_asyncio.fixture
async def wire(fresh_nats_server: NatsServer) -> AsyncIterator[Wire]:
    client = await Wire.open(fresh_nats_server.url)
    yield client
    await client.close()


@pytest_asyncio.fixture
async def boards(fresh_nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Boards]:
    with captured() as lines:
        made = Boards(tmp_path, fresh_nats_server, lines)
        yield made
        made.stop()


def refusal(boards: Boards, count: int) -> dict[str, Any]:
    return boards.lines.wait("heartbeat.refused", count)


async def test_a_fire_for_an_agent_that_was_forgotten_is_refused_until_it_is_back(boards: Boards, wire: Wire) -> None:
    boards.start()
    await set_and_taken(wire, "orphan", **BUSY)
    await beats(wire, "orphan", 1)
    boards.stop()
    boards.start(app=None)
    assert (await wire.ask("api.forget_agent", {"agent": "pulse"})).ok

    first, second = refusal(boards, 1), refusal(boards, 2)

    assert (first["level"], first["name"]) == ("warning", "orphan")
    assert first["error"].endswith("got 'pulse'")
    assert first["at"] < second["at"]
    boards.stop()
    before = len(await submitted(wire, "orphan"))
    boards.start()
    await beats(wire, "orphan", before + 1)


async def test_a_fire_whose_delivery_is_not_taken_any_more_is_refused(boards: Boards, wire: Wire) -> None:
    boards.start(allow_private_addresses=True)
    await set_and_taken(wire, "hooked", **BUSY, delivery=[HERE])
    await beats(wire, "hooked", 1)
    boards.stop()
    before = len(await submitted(wire, "hooked"))
    boards.start()

    line = refusal(boards, 2)

    assert line["name"] == "hooked"
    assert "expected a public address" in line["error"]
    assert len(await submitted(wire, "hooked")) == before


async def test_a_heartbeat_that_is_never_due_again_ends(boards: Boards, wire: Wire) -> None:
    boards.start()
    await set_and_taken(wire, "yearly", **YEARLY)
    [waiting] = await timers(wire, "yearly")

    await fire(wire, "yearly", 1, LAST_DAY)
    await handled(wire)

    line = boards.lines.wait("heartbeat.ended")
    assert (line["level"], line["name"], line["at"]) == ("info", "yearly", LAST_DAY)
    assert [task.task_id for task in await submitted(wire, "yearly")] == ["yearly-99991231T000000Z"]
    assert await timers(wire, "yearly") == [waiting], "expected nothing to be set anew"
