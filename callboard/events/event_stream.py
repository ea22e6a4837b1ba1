"""The stream an event log needs, made when it is absent."""

import msgspec
from nats.errors import Error as NatsError

from callboard.events.connection import Connection
from callboard.events.errors import LogRefusedError, LogUnavailableError

_NAME_IN_USE = 10058


async def ensure_event_stream(connection: Connection, stream: str, prefix: str) -> None:
    """Create ``stream`` for the events under ``prefix``; a stream of that name is taken as it is.

    Raises:
        LogRefusedError: the server cannot make such a stream.
        LogUnavailableError: the server did not answer.
    """
    config = {
        "name": stream,
        "subjects": [f"{prefix}.>"],
        "storage": "file",
        "retention": "limits",
        "allow_atomic": True,
        "allow_direct": True,
        "deny_delete": True,
        "num_replicas": 1,
    }
    try:
        body = msgspec.json.encode(config)
        reply = await connection.request(f"$JS.API.STREAM.CREATE.{stream}", body, timeout=10)
    except (NatsError, TimeoutError) as error:
        raise LogUnavailableError(f"the server did not answer the creation of stream {stream}") from error
    answer = msgspec.json.decode(reply.data).get("error")
    if answer is not None and answer.get("err_code") != _NAME_IN_USE:
        raise LogRefusedError(answer.get("err_code", 0), answer.get("description", ""))
