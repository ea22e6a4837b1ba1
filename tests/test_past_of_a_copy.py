"""A copy of a log has the past of its source: every question about it is answered with the same bytes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callboard.client import Client
from callboard.errors import NotFoundError
from callboard.events.errors import InvalidValueError
from tests.support.boards import CLI_AGENTS, board_for_module, run
from tests.support.command_line import callboard
from tests.support.running import Running
from tests.support.waiting import until
from tests.support.whole_log import whole_log

board = board_for_module()

QUERIES: list[tuple[str, dict[str, Any]]] = [
    ("stats", {}),
    ("tasks", {}),
    ("agents", {}),
    ("agent_log", {}),
    ("heartbeats", {}),
    ("sessions", {}),
    ("activity", {"by": "agent", "per": "minute"}),
    ("task", {"id": "one"}),
    ("events", {"id": "one"}),
    ("session", {"session_id": "s"}),
]


@pytest.fixture
def copy(board: Running, tmp_path: Path) -> Iterator[Running]:
    """A callboard on a copy of the log of ``board``, in which tasks have ended and a heartbeat is set."""
    for name, agent in (("one", "echo"), ("two", "broken"), ("three", "echo")):
        run(board, "submit", "x", "--id", name, "--agent", agent, "--session-id", "s", "--max-attempts", "1", "--wait")
    assert run(board, "heartbeat", "set", "tick", "--agent", "echo", "--every", "3600").code == 0
    until(lambda: ended_runs(board) == 3, "the session has all there is to say")
    file, directory = tmp_path / "log.jsonl", tmp_path / "copy"
    assert run(board, "log", "export", str(file)).code == 0
    assert callboard("log", "import", str(file), "--dir", str(directory)).code == 0
    running = Running(directory, "--port", "0", "--app", str(CLI_AGENTS))
    yield running
    running.kill()


def ended_runs(board: Running) -> int:
    ended = (".run_completed", ".run_failed")
    return sum(message.subject.endswith(ended) for message in asyncio.run(whole_log(board.url)))


async def test_every_question_about_the_past_has_the_same_answer(board: Running, copy: Running) -> None:
    log = await whole_log(board.url)
    places: list[Any] = []
    for message in log[:: max(1, len(log) // 8)]:
        places += [message.seq, msgspec.json.decode(message.data)["at"]]
    assert len(places) > 8
    async with Client(board.url) as source, Client(copy.url) as other:
        for place in [*places, 0, "2020-01-01T00:00:00Z"]:
            for name, fields in QUERIES:
                asked = (f"callboard.query.{name}", {"as_of": place, **fields})
                assert await answer(source, *asked) == await answer(other, *asked), asked


async def answer(client: Client, subject: str, body: dict[str, Any]) -> bytes:
    """Return what is answered, or refused."""
    try:
        return bytes(await client.ask(subject, body))
    except (InvalidValueError, NotFoundError) as error:
        return str(error).encode()
