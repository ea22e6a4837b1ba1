"""A running callboard for each module here, and a client of it that is not ours.

A module says with ``APP`` which agents run (a file in tests/data), and with ``OPTIONS`` and ``ENVIRONMENT`` what else
`callboard up` is told.
When its tests are over, the whole log is audited, callboard is stopped, and must have had no defect to report.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.board_audit import check_board, defects
from tests.support.running import Running
from tests.support.wire import Wire, new_id

DATA = Path(__file__).parent.parent / "data"
GRACE_SECONDS = "5"


@pytest.fixture(scope="module")
def board(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Callboard with the agents that the module asks for, started; stopped and audited at its end."""
    app = DATA / getattr(request.module, "APP", "wire_agents.py")
    options = getattr(request.module, "OPTIONS", ())
    env = getattr(request.module, "ENVIRONMENT", {})
    directory = tmp_path_factory.mktemp("board")
    running = Running(directory, "--port", "0", "--app", str(app), "--grace", GRACE_SECONDS, *options, env=env)
    try:
        yield running
        asyncio.run(check_board(running.url))
        assert running.stop() == 0
        assert defects(running.log) == []
    finally:
        running.kill()


@pytest_asyncio.fixture
async def wire(board: Running) -> AsyncIterator[Wire]:
    """A plain connection to the module's callboard."""
    client = await Wire.open(board.url)
    yield client
    await client.close()


@pytest.fixture(name="new_id")
def _new_id() -> str:
    """An id that no task has."""
    return new_id()
