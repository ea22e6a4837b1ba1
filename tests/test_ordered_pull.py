"""Reading in order: every message once, or a word that there is a gap."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from callboard.events.connection import Connection
from tests.support.nats_server import NatsServer
from tests.support.proxy import Proxy
from tests.support.pulling import Numbers, Puller, numbers
from tests.support.waiting import eventually


@pytest.fixture
async def stream(nats_server: NatsServer) -> AsyncIterator[Numbers]:
    async with numbers(nats_server.url) as made:
        yield made


async def test_from_any_message_on(stream: Numbers) -> None:
    await stream.publish(1_000)
    puller = Puller(stream.connection)
    await puller.start_ordered(stream, 301, window=70)
    await eventually(lambda: len(puller.taken) >= 700, "everything is taken")
    await puller.stop()
    assert puller.numbers == list(range(301, 1_001))
    assert puller.lost == []


@pytest.mark.parametrize("moment", [1, 2, 130, 399])
async def test_a_link_that_breaks_in_the_middle_leaves_no_gap(
    stream: Numbers, nats_server: NatsServer, moment: int
) -> None:
    with Proxy(nats_server.url) as proxy:
        connection = Connection()
        await connection.open(proxy.url)
        await stream.publish(400, size=30_000)
        proxy.cut_at_answer(b"\r\n%d " % moment)
        puller = Puller(connection)
        await puller.start_ordered(stream, 1)
        await eventually(lambda: puller.lost, "the gap is told")
        await eventually(lambda: connection.is_connected, "the connection is back")
        await connection.flush()
        taken = len(puller.taken)
        assert puller.numbers == list(range(1, taken + 1))
        assert taken < moment
        # There is no way on from here but a new consumer and a new pull.
        await stream.publish(1)
        await connection.flush()
        assert len(puller.taken) == taken
        assert puller.lost == ["the connection was interrupted"]
        await puller.stop()
        await puller.start_ordered(stream, taken + 1)
        await eventually(lambda: len(puller.taken) >= 401, "the rest is taken")
        assert puller.numbers == list(range(1, 402))
        await puller.stop()
        await connection.close()


async def test_a_server_that_is_killed_and_started_again(fresh_nats_server: NatsServer) -> None:
    async with numbers(fresh_nats_server.url) as stream:
        puller = Puller(stream.connection)
        await puller.start_ordered(stream, 1)
        await stream.publish(50)
        await eventually(lambda: len(puller.taken) >= 50, "everything is taken")
        await asyncio.to_thread(fresh_nats_server.kill)
        await asyncio.to_thread(fresh_nats_server.start)
        await eventually(lambda: puller.lost, "the gap is told")
        await puller.stop()
        await stream.publish(50)
        await puller.start_ordered(stream, 51)
        await eventually(lambda: len(puller.taken) >= 100, "the rest is taken")
        assert puller.numbers == list(range(1, 101))
        await puller.stop()
