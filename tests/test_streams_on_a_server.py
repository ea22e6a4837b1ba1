"""The streams on a real server: made when absent, left alone when right, refused when made otherwise."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import nats
import pytest
from nats.aio.client import Client

from callboard.events.differences import ServerMismatchError
from callboard.events.errors import LogUnavailableError
from callboard.events.streams import StreamConfig, ensure, events_stream, wanted_streams
from tests.support.nats_server import NatsServer


@pytest.fixture
async def connection(nats_server: NatsServer) -> AsyncIterator[Client]:
    client = await nats.connect(nats_server.url)
    yield client
    names = await call(client, "STREAM.NAMES")
    for name in names["streams"] or []:
        await call(client, f"STREAM.DELETE.{name}")
    await client.close()


async def call(client: Client, endpoint: str, body: object = None) -> dict[str, Any]:
    reply = await client.request(f"$JS.API.{endpoint}", b"" if body is None else msgspec.json.encode(body), timeout=5)
    answer: dict[str, Any] = msgspec.json.decode(reply.data)
    return answer


async def make(client: Client, config: StreamConfig) -> None:
    assert "error" not in await call(client, f"STREAM.CREATE.{config['name']}", config)


async def refused(client: Client, configs: list[StreamConfig]) -> dict[str, str]:
    with pytest.raises(ServerMismatchError) as caught:
        await ensure(client, configs)
    return {difference.setting: difference.fix for difference in caught.value.differences}


async def test_absent_streams_are_made_and_then_agree(connection: Client) -> None:
    wanted = wanted_streams(connection.max_payload)
    await ensure(connection, wanted)
    await ensure(connection, wanted)
    names = (await call(connection, "STREAM.NAMES"))["streams"]
    assert sorted(names) == [f"CALLBOARD_{name}" for name in ("COMMANDS", "DEAD", "EVENTS", "REQUESTS", "TIMERS")]


async def test_several_processes_may_make_them_at_once(nats_server: NatsServer, connection: Client) -> None:
    others = [await nats.connect(nats_server.url) for _ in range(4)]
    wanted = wanted_streams(connection.max_payload)
    await asyncio.gather(*(ensure(client, wanted) for client in (connection, *others)))
    for client in others:
        await client.close()


async def test_a_stored_event_is_published_live(connection: Client) -> None:
    await ensure(connection, wanted_streams(connection.max_payload))
    live = await connection.subscribe("callboard.live.>")
    await connection.jetstream().publish("callboard.events.task.a.1.submitted", b"{}")
    assert (await live.next_msg(5)).subject == "callboard.live.task.a.1.submitted"


async def test_streams_made_otherwise_are_refused_with_every_difference(connection: Client) -> None:
    wanted = wanted_streams(connection.max_payload)
    made = [{**config, "max_msgs_per_subject": 1, "compression": "s2"} for config in wanted[:2]]
    for config in made:
        await make(connection, config)
    found = await refused(connection, wanted)
    names = ("CALLBOARD_COMMANDS", "CALLBOARD_REQUESTS")
    assert set(found) == {f"{name}.{setting}" for name in names for setting in ("max_msgs_per_subject", "compression")}


async def test_a_refused_stream_is_left_as_it_was(connection: Client) -> None:
    await make(connection, {**events_stream(), "deny_purge": False})
    await refused(connection, [events_stream()])
    assert (await call(connection, "STREAM.INFO.CALLBOARD_EVENTS"))["config"]["deny_purge"] is False


async def test_schedules_on_the_event_log_are_refused_with_all_they_switch(connection: Client) -> None:
    await make(connection, {**events_stream(), "discard": "old", "deny_purge": False, "allow_msg_schedules": True})
    found = await refused(connection, [events_stream()])
    assert set(found) == {
        f"CALLBOARD_EVENTS.{setting}"
        for setting in ("allow_msg_schedules", "allow_rollup_hdrs", "deny_purge", "discard")
    }


async def test_a_stream_that_takes_our_subjects_is_named(connection: Client) -> None:
    await make(connection, {"name": "GREEDY", "subjects": ["callboard.>"]})
    found = await refused(connection, [events_stream()])
    assert "GREEDY" in found["CALLBOARD_EVENTS.subjects"]


async def test_replicas_a_single_server_cannot_have_are_refused(connection: Client) -> None:
    assert "CALLBOARD_EVENTS.num_replicas" in await refused(connection, [events_stream(replicas=3)])


async def test_a_setting_beyond_those_known_is_the_servers_to_judge(connection: Client) -> None:
    known = events_stream()
    older = {setting: value for setting, value in known.items() if setting not in {"compression", "duplicate_window"}}
    default = {"duplicate_window": 120_000_000_000}
    await make(connection, {**known, **default})
    await ensure(connection, [older])
    await make(connection, {**known, "name": "OTHER", "subjects": ["other.>"], "republish": None, "compression": "s2"})
    found = await refused(connection, [{**older, "name": "OTHER", "subjects": ["other.>"], "republish": None}])
    assert "OTHER.compression" in found


async def test_metadata_that_others_added_is_let_through(connection: Client) -> None:
    wanted = events_stream()
    await make(connection, {**wanted, "metadata": {**wanted["metadata"], "owner": "ops"}})
    await ensure(connection, [wanted])


async def test_a_server_that_does_not_answer_is_said_so(fresh_nats_server: NatsServer) -> None:
    connection = await nats.connect(fresh_nats_server.url)
    fresh_nats_server.suspend()
    with pytest.raises(LogUnavailableError, match=r"STREAM\.INFO\.CALLBOARD_EVENTS"):
        await ensure(connection, [events_stream()])
    fresh_nats_server.resume()
    await connection.close()
