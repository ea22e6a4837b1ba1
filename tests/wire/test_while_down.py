"""A command that was acknowledged while nothing ran: it is taken when callboard starts, whoever is gone by then."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.board_audit import check_board, defects
from tests.support.nats_server import NatsServer
from tests.support.running import Running
from tests.support.wire import Wire
from tests.support.wire_event import names

APP = Path(__file__).parent.parent / "data" / "wire_agents.py"


@pytest.fixture
def boards(nats_server: NatsServer, tmp_path: Path) -> Iterator["Boards"]:
    """Callboards on a server of its own, which lives on when they stop."""
    one = Boards(nats_server.url, tmp_path)
    yield one
    one.kill()


class Boards:
    """One callboard after the other on the same server and directory."""

    def __init__(self, url: str, directory: Path) -> None:
        self._url, self._directory = url, directory
        self._running: list[Running] = []

    def start(self) -> None:
        self._running.append(
            Running(self._directory / "board", "--nats", self._url, "--app", str(APP), "--grace", "0.2")
        )

    def stop(self) -> None:
        running = self._running.pop()
        assert running.stop() == 0
        assert defects(running.log) == []

    def kill(self) -> None:
        for running in self._running:
            running.kill()


async def test_a_command_that_was_acknowledged_waits_for_callboard(
    nats_server: NatsServer, boards: Boards, new_id: str
) -> None:
    boards.start()
    boards.stop()
    sender = await Wire.open(nats_server.url)
    acks = [
        await sender.publish("callboard.submit", {"id": new_id, "input": "echo"}),
        await sender.publish(f"callboard.cancel.{new_id}-2", {}),
        await sender.publish("callboard.submit", b"hello"),
        await sender.publish("callboard.submit.waiter", {"id": f"{new_id}-2", "input": 1}),
        await sender.publish(f"callboard.cancel.{new_id}-2", {"reason": "not needed after all"}),
    ]
    await sender.close()
    wire = await Wire.open(nats_server.url)
    live = await wire.follow()

    boards.start()
    await live.until("completed")
    await live.until("cancelled")

    assert [ack.seq for ack in acks] == [1, 2, 3, 4, 5]
    assert names(await wire.stored(new_id)) == ["submitted", "routed", "assigned", "started", "completed"]
    shown = (await wire.ask("api.result", {"id": f"{new_id}-2", "wait_seconds": 20})).ok
    assert shown["status"] == "cancelled"
    await check_board(nats_server.url)
    await wire.close()
    boards.stop()


async def test_a_running_task_is_handed_back_at_the_end_and_goes_on_at_the_next_start(
    nats_server: NatsServer, boards: Boards, new_id: str
) -> None:
    wire = await Wire.open(nats_server.url)
    live = await wire.follow(new_id)
    boards.start()
    await wire.publish("callboard.submit.waiter", {"id": new_id, "input": 1, "max_attempts": 1})
    await live.until("started")
    boards.stop()

    boards.start()
    await live.until_all("started", 2)
    await wire.ask("api.cancel", {"id": new_id})
    events = await live.until("cancelled")

    handed_back = ["attempt_failed", "assigned", "started", "cancelled"]
    assert names(events) == ["submitted", "routed", "assigned", "started", *handed_back]
    assert events[4].fields["released"] is True
    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": events[-1].seq})).ok
    assert (shown["attempts"], shown["version"]) == (1, 8)
    await check_board(nats_server.url)
    await wire.close()
    boards.stop()
