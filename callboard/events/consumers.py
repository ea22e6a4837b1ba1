"""Consumers of streams: durable ones for the actors' queues, passing ones for readers."""

from typing import Any, Final

from nats.nuid import NUID

from callboard.events import jetstream_api
from callboard.events.connection import Connection

MAX_ACK_PENDING: Final = 20_000
UNLIMITED: Final = -1
IDLE_SECONDS: Final = 60
_NANOSECONDS: Final = 1_000_000_000


async def durable(
    connection: Connection,
    stream: str,
    name: str,
    filters: list[str],
    *,
    ack_wait_seconds: float,
    max_ack_pending: int = MAX_ACK_PENDING,
) -> str:
    """Create the durable consumer ``name`` or bring it up to these settings, and return its name.

    It delivers from the beginning of the stream, as often as needed: attempts are counted in the log, not here. When
    ``max_ack_pending`` messages are neither acknowledged nor given up, those given back for a while among them, it
    delivers nothing new; ``UNLIMITED`` for no such limit.

    Raises:
        LogRefusedError: the server said no.
        LogUnavailableError: the server did not answer.
    """
    config: dict[str, Any] = {
        "durable_name": name,
        "name": name,
        "ack_policy": "explicit",
        "ack_wait": int(ack_wait_seconds * _NANOSECONDS),
        "max_deliver": -1,
        "max_ack_pending": max_ack_pending,
        "deliver_policy": "all",
        "replay_policy": "instant",
    }
    if len(filters) == 1:
        config["filter_subject"] = filters[0]
    elif filters:
        config["filter_subjects"] = filters
    await _create(connection, stream, name, config)
    return name


async def ephemeral(
    connection: Connection, stream: str, subject: str | list[str], first: int, *, headers_only: bool = False
) -> str:
    """Create a consumer that reads ``subject``, or several, from sequence ``first`` on without acknowledgements.

    Return its name. The server removes it when nobody has pulled from it for a minute. With ``headers_only`` it
    delivers no bodies.

    Raises:
        LogRefusedError, LogUnavailableError: as :func:`durable`.
    """
    return (await counted(connection, stream, subject, first, headers_only=headers_only))[0]


async def counted(
    connection: Connection, stream: str, subject: str | list[str], first: int, *, headers_only: bool = False
) -> tuple[str, int]:
    """Do as :func:`ephemeral` does; return also how many messages there are for it by now."""
    name = NUID().next().decode()
    config: dict[str, Any] = {
        "name": name,
        "ack_policy": "none",
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": first,
        "replay_policy": "instant",
        "inactive_threshold": IDLE_SECONDS * _NANOSECONDS,
        "mem_storage": True,
        "num_replicas": 1,
        "headers_only": headers_only,
        "filter_subject" if isinstance(subject, str) else "filter_subjects": subject,
    }
    return name, (await _create(connection, stream, name, config))["num_pending"]


async def listed(connection: Connection, stream: str) -> list[dict[str, Any]]:
    """Return what the server says of each consumer of ``stream``.

    Raises:
        LogRefusedError, LogUnavailableError: as :func:`durable`.
    """
    found: list[dict[str, Any]] = []
    while True:
        page = await jetstream_api.demand(connection, f"CONSUMER.LIST.{stream}", {"offset": len(found)})
        found += page["consumers"] or []
        if len(found) >= page["total"] or not page["consumers"]:
            return found


async def _create(connection: Connection, stream: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
    body = {"stream_name": stream, "config": config}
    return await jetstream_api.demand(connection, f"CONSUMER.CREATE.{stream}.{name}", body)
