"""What a test may have on a server of its own; a module makes fixtures of what it needs.

url = pytest.fixture(left_server)
wire = pytest_asyncio.fixture(wire_to_server)
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from tests.support.nats_server import NatsServer
from tests.support.stage import Stage, stage
from tests.support.streams import make_streams, on_server
from tests.support.wire import Wire


def left_server(fresh_nats_server: NatsServer) -> str:
    """The URL of a server on which callboard has run, and does no more."""
    on_server(fresh_nats_server.url, make_streams)
    return fresh_nats_server.url


async def wire_to_server(fresh_nats_server: NatsServer) -> AsyncIterator[Wire]:
    """A plain connection, closed at the end."""
    wire = await Wire.open(fresh_nats_server.url)
    yield wire
    await wire.close()


async def wire_to_stage(board: Stage, fresh_nats_server: NatsServer) -> AsyncIterator[Wire]:
    """A plain connection to the server of the module's ``board``, closed at the end."""
    assert board.app.url == fresh_nats_server.url
    wire = await Wire.open(fresh_nats_server.url)
    yield wire
    await wire.close()


def stage_on_server(tmp_path: Path, fresh_nats_server: NatsServer) -> Iterator[Stage]:
    """A whole callboard in this process, stopped at the end."""
    with stage(tmp_path, fresh_nats_server) as running:
        yield running
