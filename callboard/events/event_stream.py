"""The stream an event log needs: made when it is absent, looked at when it is there."""

from typing import Final

from callboard.events.connection import Connection
from callboard.events.differences import ServerMismatchError, differences, unasked
from callboard.events.jetstream_api import STREAM_NOT_FOUND, ask, error_code, granted
from callboard.events.streams import events_stream

NEEDED: Final = {"storage": "file", "retention": "limits", "max_age": 0, "allow_atomic": True, "allow_direct": True}
"""What no event log does without; the rest is up to who made the stream."""


async def ensure_event_stream(connection: Connection, stream: str, prefix: str) -> None:
    """Create ``stream`` for the events under ``prefix``; one of that name is taken as it is when it can hold events.

    Raises:
        ServerMismatchError: the stream that exists cannot hold events.
        LogRefusedError: the server cannot make such a stream.
        LogUnavailableError: the server did not answer.
    """
    answer = await ask(connection, f"STREAM.INFO.{stream}")
    if error_code(answer) == STREAM_NOT_FOUND:
        # Creating what another process has just created alike is answered as if it were new.
        answer = await ask(connection, f"STREAM.CREATE.{stream}", events_stream(stream, prefix, live=None))
    needed = {"name": stream, **NEEDED}
    wrong = [each for each in differences(needed, granted(answer)["config"]) if not unasked(needed, each)]
    if wrong:
        raise ServerMismatchError(wrong)
