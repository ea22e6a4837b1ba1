"""Requests to the JetStream API of the server, which answers in JSON."""

from typing import Any, Final

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from callboard.events.errors import LogRefusedError, LogUnavailableError

STREAM_NOT_FOUND: Final = 10059
_ANSWER_SECONDS: Final = 10


async def ask(connection: Client, endpoint: str, body: Any = None) -> dict[str, Any]:
    """Send ``body`` as JSON to ``$JS.API.<endpoint>`` and return the answer, which has an ``error`` when it is a no.

    Raises:
        LogUnavailableError: the server did not answer.
    """
    data = b"" if body is None else msgspec.json.encode(body)
    try:
        reply = await connection.request(f"$JS.API.{endpoint}", data, timeout=_ANSWER_SECONDS)
    except (NatsError, TimeoutError) as error:
        raise LogUnavailableError(f"the server did not answer $JS.API.{endpoint}") from error
    answer: dict[str, Any] = msgspec.json.decode(reply.data)
    return answer


async def demand(connection: Client, endpoint: str, body: Any = None) -> dict[str, Any]:
    """Return the answer as :func:`ask` does.

    Raises:
        LogRefusedError: the answer is a no.
        LogUnavailableError: the server did not answer.
    """
    return granted(await ask(connection, endpoint, body))


def granted(answer: dict[str, Any]) -> dict[str, Any]:
    """Return ``answer``.

    Raises:
        LogRefusedError: it is a no.
    """
    if "error" in answer:
        raise LogRefusedError(error_code(answer), answer["error"].get("description", ""))
    return answer


def error_code(answer: dict[str, Any]) -> int:
    """Return the code of the error in ``answer``, 0 when there is none."""
    return int(answer.get("error", {}).get("err_code", 0))
