"""The stream an event log needs: made when it is absent, looked at when it is there."""

from typing import Any, Final

import msgspec
from nats.errors import Error as NatsError

from callboard.events.connection import Connection
from callboard.events.differences import ServerMismatchError, differences, unasked
from callboard.events.errors import LogRefusedError, LogUnavailableError
from callboard.events.streams import events_stream

NEEDED: Final = {"storage": "file", "retention": "limits", "max_age": 0, "allow_atomic": True, "allow_direct": True}
"""What no event log does without; the rest is up to who made the stream."""

_NOT_FOUND: Final = 10059


async def ensure_event_stream(connection: Connection, stream: str, prefix: str) -> None:
    """Create ``stream`` for the events under ``prefix``; one of that name is taken as it is when it can hold events.

    Raises:
        ServerMismatchError: the stream that exists cannot hold events.
        LogRefusedError: the server cannot make such a stream.
        LogUnavailableError: the server did not answer.
    """
    answer = await _ask(connection, f"STREAM.INFO.{stream}", None)
    if _code(answer) == _NOT_FOUND:
        # Creating what another process has just created alike is answered as if it were new.
        answer = await _ask(connection, f"STREAM.CREATE.{stream}", events_stream(stream, prefix, live=None))
    if "error" in answer:
        raise LogRefusedError(_code(answer), answer["error"].get("description", ""))
    needed = {"name": stream, **NEEDED}
    wrong = [each for each in differences(needed, answer["config"]) if not unasked(needed, each)]
    if wrong:
        raise ServerMismatchError(wrong)


async def _ask(connection: Connection, endpoint: str, body: Any) -> dict[str, Any]:
    data = b"" if body is None else msgspec.json.encode(body)
    try:
        reply = await connection.request(f"$JS.API.{endpoint}", data, timeout=10)
    except (NatsError, TimeoutError) as error:
        raise LogUnavailableError(f"the server did not answer $JS.API.{endpoint}") from error
    answer: dict[str, Any] = msgspec.json.decode(reply.data)
    return answer


def _code(answer: dict[str, Any]) -> int:
    return int(answer.get("error", {}).get("err_code", 0))
