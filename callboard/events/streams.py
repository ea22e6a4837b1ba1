"""The streams of callboard: how each is to be set up, made when absent, compared when present."""

from typing import Any, Final

from nats.aio.client import Client

from callboard.events import subjects
from callboard.events.differences import Difference, ServerMismatchError, differences, unasked
from callboard.events.jetstream_api import STREAM_NOT_FOUND, ask, error_code

SCHEMA: Final = "1"
"""The version of what callboard stores; another one in a stream's metadata is another callboard's."""

MAX_COMMAND_BYTES: Final = 1024 * 1024
HEADER_ROOM_BYTES: Final = 64 * 1024
"""What a dead letter needs beside the bytes of the command it explains."""

_SECOND: Final = 1_000_000_000
_DAY: Final = 24 * 60 * 60 * _SECOND
_NAME_IN_USE: Final = 10058
_SUBJECTS_OVERLAP: Final = 10065

StreamConfig = dict[str, Any]

_BASE: Final[StreamConfig] = {
    "retention": "limits",
    "storage": "file",
    "discard": "old",
    "compression": "none",
    "max_consumers": -1,
    "max_msgs": -1,
    "max_bytes": -1,
    "max_age": 0,
    "max_msgs_per_subject": -1,
    "max_msg_size": -1,
    "duplicate_window": 120 * _SECOND,
    "sealed": False,
    "deny_delete": False,
    "deny_purge": False,
    "allow_direct": False,
    "mirror_direct": False,
    "allow_rollup_hdrs": False,
    "allow_msg_ttl": False,
    "allow_msg_schedules": False,
    "allow_msg_counter": False,
    "allow_atomic": False,
    "consumer_limits": {},
    "metadata": {"callboard.schema": SCHEMA},
}
"""Every setting is written out, so that one that somebody switched on is seen."""


def max_command_bytes(max_payload: int) -> int:
    """Return how large a command may be, in bytes, on a server that takes messages of ``max_payload`` bytes."""
    return min(MAX_COMMAND_BYTES, max_payload - HEADER_ROOM_BYTES)


def wanted_streams(max_payload: int, replicas: int = 1) -> list[StreamConfig]:
    """Return the configuration of each stream in the server's JSON form; ``max_payload`` is the server's, in bytes."""
    return [
        _stream(
            subjects.COMMANDS,
            list(subjects.commands()),
            replicas,
            discard="new",
            # Many submissions may come as one atomic batch, for one sync to disk instead of one each.
            allow_atomic=True,
            max_age=7 * _DAY,
            max_msg_size=max_command_bytes(max_payload),
        ),
        _stream(
            subjects.REQUESTS,
            [subjects.REQUEST],
            replicas,
            allow_atomic=True,
            allow_direct=True,
            max_age=90 * _DAY,
            # What cannot be read becomes a dead letter, which has to fit into a message.
            max_msg_size=max_command_bytes(max_payload),
        ),
        events_stream(replicas=replicas),
        # With schedules the server refuses to discard new messages, and turns roll-ups on by itself: the newer schedule
        # on a subject replaces the older.
        _stream(
            subjects.TIMERS,
            [f"{subjects.TIMER_PREFIX}.>", f"{subjects.DUE_PREFIX}.>"],
            replicas,
            allow_msg_schedules=True,
            allow_msg_ttl=True,
            allow_rollup_hdrs=True,
        ),
        _stream(subjects.DEAD, [f"{subjects.DEAD_PREFIX}.>"], replicas, max_age=90 * _DAY),
    ]


def events_stream(
    name: str = subjects.EVENTS,
    prefix: str = subjects.EVENT_PREFIX,
    live: str | None = subjects.LIVE_PREFIX,
    replicas: int = 1,
) -> StreamConfig:
    """Return the configuration of an event log for the subjects under ``prefix``.

    Events are never removed, and once stored are published under ``live`` (None: nowhere).
    """
    republish = {} if live is None else {"republish": {"src": f"{prefix}.>", "dest": f"{live}.>"}}
    return _stream(
        name,
        [f"{prefix}.>"],
        replicas,
        discard="new",
        allow_atomic=True,
        allow_direct=True,
        deny_delete=True,
        deny_purge=True,
        # Expected sequences guard an event for ever; message ids would only cost memory.
        duplicate_window=_SECOND,
        **republish,
    )


async def ensure(connection: Client, configs: list[StreamConfig]) -> None:
    """Make the streams that are absent and compare those that are present with ``configs``.

    Several processes may do so at the same time. Nothing that exists is changed.

    Raises:
        ServerMismatchError: a stream is set up otherwise or cannot be made; all differences of all streams are in it.
        LogUnavailableError: the server did not answer.
    """
    found = [difference for config in configs for difference in await _settle(connection, config)]
    if found:
        raise ServerMismatchError(found)


async def _settle(connection: Client, config: StreamConfig) -> list[Difference]:
    name = config["name"]
    answer = await ask(connection, f"STREAM.INFO.{name}")
    if error_code(answer) == STREAM_NOT_FOUND:
        answer = await ask(connection, f"STREAM.CREATE.{name}", config)
        if error_code(answer) == _NAME_IN_USE:  # another process made it just now
            answer = await ask(connection, f"STREAM.INFO.{name}")
    if "error" in answer:
        return [await _refusal(connection, config, answer["error"])]
    found = differences(config, answer["config"])
    if found and all(unasked(config, difference) for difference in found):
        # Settings this version has never heard of: whether they are more than a newer server's defaults only the server
        # knows, and it takes the creation of an existing stream as a question whether all is the same.
        answer = await ask(connection, f"STREAM.CREATE.{name}", config)
        return found if "error" in answer else []
    return found


async def _refusal(connection: Client, config: StreamConfig, error: dict[str, Any]) -> Difference:
    name, code = config["name"], error.get("err_code", 0)
    found = f"error {code}: {error.get('description', '')}"
    if code == _SUBJECTS_OVERLAP:
        others = sorted({other for subject in config["subjects"] for other in await _holders(connection, subject)})
        fix = f"remove or edit the stream that has subjects of callboard: {', '.join(others)}"
        return Difference(f"{name}.subjects", f"taken by {', '.join(others)}", " ".join(config["subjects"]), fix)
    if config["num_replicas"] > 1 and "replicas" in found:
        fix = "use a cluster, or one replica"
        return Difference(f"{name}.num_replicas", found, str(config["num_replicas"]), fix)
    return Difference(name, found, "a stream", "give the account room and rights for this stream")


async def _holders(connection: Client, subject: str) -> list[str]:
    answer = await ask(connection, "STREAM.NAMES", {"subject": subject})
    return answer.get("streams") or []


def _stream(name: str, names: list[str], replicas: int, **settings: Any) -> StreamConfig:
    return {**_BASE, "name": name, "subjects": names, "num_replicas": replicas, **settings}
