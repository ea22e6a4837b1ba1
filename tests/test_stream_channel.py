"""A result is published on a subject of a real server, and the receipt says how sure that is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from callboard.actors.channels.channel import DeliveryError, DeliveryMessage
from callboard.actors.channels.stream import StreamChannel, publisher
from callboard.events.connection import Connection
from tests.support.deliveries import BODY, message
from tests.support.nats_server import NatsServer

DEADLINE = 10.0


@asynccontextmanager
async def connected(server: NatsServer) -> AsyncIterator[Client]:
    connection = Connection()
    await connection.open(server.url)
    try:
        yield connection
    finally:
        await connection.close()


def spec(subject: str, **fields: bool) -> dict[str, object]:
    return {"channel": "stream", "subject": subject, **fields}


async def failure_of(
    channel: StreamChannel, target: dict[str, object], sent: DeliveryMessage | None = None
) -> DeliveryError:
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(DeliveryError) as caught:
            await channel.send(target, sent or message())
    return caught.value


async def test_whoever_listens_gets_the_body_and_the_key(nats_server: NatsServer) -> None:
    async with connected(nats_server) as listener, connected(nats_server) as connection:
        heard = await listener.subscribe("results.größe")
        await listener.flush()
        channel = StreamChannel(publisher(connection))
        assert await channel.send(spec("results.größe"), message(index=3)) == {"subject": "results.größe"}
        received = await heard.next_msg(DEADLINE)
        await channel.close()
    assert received.data == BODY
    assert received.headers == {"Nats-Msg-Id": "t-1-3", "Content-Type": "application/json"}


async def test_with_jetstream_the_receipt_says_where_it_is_stored(nats_server: NatsServer) -> None:
    async with connected(nats_server) as connection:
        jetstream = connection.jetstream()
        await jetstream.add_stream(name="STORED", subjects=["stored.>"])
        channel = StreamChannel(publisher(connection))
        receipt = await channel.send(spec("stored.a", jetstream=True), message())
        stored = await jetstream.get_msg("STORED", 1)
    assert receipt == {"stream": "STORED", "seq": 1}
    assert (stored.subject, stored.data) == ("stored.a", BODY)


@pytest.mark.parametrize("waiting", [True, False])
async def test_a_stream_keeps_one_of_several_attempts(nats_server: NatsServer, *, waiting: bool) -> None:
    name = f"ONCE{waiting:d}"
    async with connected(nats_server) as connection:
        jetstream = connection.jetstream()
        await jetstream.add_stream(name=name, subjects=[f"{name}.>"])
        channel = StreamChannel(publisher(connection))
        for attempt in (1, 2, 3):
            await channel.send(spec(f"{name}.a", jetstream=waiting), message(attempt=attempt))
        await channel.send(spec(f"{name}.a", jetstream=True), message(index=1))
        assert (await jetstream.stream_info(name)).state.messages == 2


async def test_a_subject_without_a_stream_is_an_error_only_with_jetstream(nats_server: NatsServer) -> None:
    async with connected(nats_server) as connection:
        channel = StreamChannel(publisher(connection))
        error = await failure_of(channel, spec("nobody", jetstream=True))
        assert await channel.send(spec("nobody"), message()) == {"subject": "nobody"}
    assert "could not publish on nobody: NoStreamResponseError" in str(error)
    assert error.retryable


async def test_somebody_who_answers_in_place_of_a_stream_is_found_out(nats_server: NatsServer) -> None:
    async def answer(request: Msg) -> None:
        await request.respond(b"thanks")

    async with connected(nats_server) as service, connected(nats_server) as connection:
        await service.subscribe("service", cb=answer)
        await service.flush()
        error = await failure_of(StreamChannel(publisher(connection)), spec("service", jetstream=True))
    assert str(error) == "expected service to belong to a stream, but something else answered"
    assert not error.retryable


async def test_a_stream_that_is_full_may_have_room_later(nats_server: NatsServer) -> None:
    async with connected(nats_server) as connection:
        jetstream = connection.jetstream()
        await jetstream.add_stream(name="FULL", subjects=["full"], max_msgs=1, discard="new")
        channel = StreamChannel(publisher(connection))
        await channel.send(spec("full", jetstream=True), message())
        error = await failure_of(channel, spec("full", jetstream=True), message(index=1))
    assert error.retryable


async def test_a_body_above_the_servers_limit_is_final(nats_server: NatsServer) -> None:
    async with connected(nats_server) as connection:
        huge = message(bytes(connection.max_payload + 1))
        error = await failure_of(StreamChannel(publisher(connection)), spec("results"), huge)
    assert "MaxPayloadError" in str(error)
    assert not error.retryable


async def test_a_subject_that_would_forge_an_event_is_refused_once_more(nats_server: NatsServer) -> None:
    async with connected(nats_server) as connection:
        channel = StreamChannel(publisher(connection))
        error = await failure_of(channel, spec("callboard.events.task.t.1.completed"))
    assert not error.retryable


@pytest.mark.parametrize("waiting", [True, False])
async def test_a_server_that_is_gone_may_come_back(fresh_nats_server: NatsServer, *, waiting: bool) -> None:
    connection = await nats.connect(fresh_nats_server.url, pending_size=0, allow_reconnect=False)
    channel = StreamChannel(publisher(connection, timeout_seconds=0.3))
    fresh_nats_server.kill()
    assert (await failure_of(channel, spec("results", jetstream=waiting))).retryable
    await connection.close()


async def silenced(server: NatsServer, channel: StreamChannel, target: dict[str, object]) -> DeliveryError:
    """Suspend the server and return the first error: the signal takes a moment to reach all of its threads."""
    server.suspend()
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                await channel.send(target, message())
            except DeliveryError as error:
                return error


@pytest.mark.parametrize("waiting", [True, False])
async def test_a_server_that_does_not_answer_is_an_error_that_may_pass(
    fresh_nats_server: NatsServer, *, waiting: bool
) -> None:
    async with connected(fresh_nats_server) as connection:
        await connection.jetstream().add_stream(name="RESULTS", subjects=["results"])
        channel = StreamChannel(publisher(connection, timeout_seconds=0.3))
        try:
            error = await silenced(fresh_nats_server, channel, spec("results", jetstream=waiting))
        finally:
            fresh_nats_server.resume()
    assert error.retryable


async def test_a_late_answer_does_no_harm_to_the_connection(fresh_nats_server: NatsServer) -> None:
    async with connected(fresh_nats_server) as connection, asyncio.timeout(DEADLINE):
        channel = StreamChannel(publisher(connection, timeout_seconds=0.3))
        try:
            await silenced(fresh_nats_server, channel, spec("results"))
            cancelled = asyncio.ensure_future(channel.send(spec("results"), message()))
            await failure_of(channel, spec("results"))
            cancelled.cancel()
        finally:
            fresh_nats_server.resume()
        assert await channel.send(spec("results"), message(attempt=2)) == {"subject": "results"}
