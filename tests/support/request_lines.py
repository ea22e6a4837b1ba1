"""The lines of a request log that are stored on a server."""

from typing import Any

import msgspec
from nats.aio.client import Client

from tests.support.streams import on_server
from tests.support.wire import Wire


async def _read(connection: Client) -> list[dict[str, Any]]:
    return [msgspec.json.decode(kept.data) for kept in await Wire(connection).kept("CALLBOARD_REQUESTS")]


def request_lines(url: str) -> list[dict[str, Any]]:
    """Return every stored line, oldest first; from a thread without an event loop."""
    return on_server(url, _read)
