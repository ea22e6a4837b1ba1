"""What a dead process held is delivered again at once, and nothing else is."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callboard.events import consumers
from callboard.events.connection import Connection
from callboard.events.takeover import take_over
from tests.support.nats_server import NatsServer
from tests.support.wire import Wire

STREAM = "WORK"
DURABLE = "worker"
ACK_WAIT_SECONDS = 30.0


@pytest_asyncio.fixture
async def wire(fresh_nats_server: NatsServer) -> AsyncIterator[Wire]:
    wire = await Wire.open(fresh_nats_server.url)
    await wire.js.add_stream(name=STREAM, subjects=["work.>"])
    for number in range(1, 6):
        await wire.publish(f"work.{number}", b"x")
    yield wire
    await wire.close()


@pytest_asyncio.fixture
async def connection(fresh_nats_server: NatsServer, wire: Wire) -> AsyncIterator[Connection]:
    assert wire.connection.is_connected
    connection = Connection()
    await connection.open(fresh_nats_server.url)
    await consumers.durable(connection, STREAM, DURABLE, ["work.>"], ack_wait_seconds=ACK_WAIT_SECONDS)
    yield connection
    await connection.close()


async def fetched(wire: Wire, count: int, *, seconds: float = 2.0) -> list[tuple[int, int]]:
    """Fetch up to ``count`` messages, acknowledge none; return the sequence and the delivery count of each."""
    consumer = await wire.js.pull_subscribe_bind(DURABLE, STREAM)
    messages = await consumer.fetch(count, timeout=seconds)
    await consumer.unsubscribe()
    return [(each.metadata.sequence.stream, each.metadata.num_delivered) for each in messages]


async def test_what_was_not_acknowledged_comes_again_at_once(wire: Wire, connection: Connection) -> None:
    consumer = await wire.js.pull_subscribe_bind(DURABLE, STREAM)
    for message in await consumer.fetch(4, timeout=5):
        if message.metadata.sequence.stream == 2:
            await message.ack_sync()

    assert await take_over(connection, [STREAM]) == 3

    assert await fetched(wire, 4) == [(1, 2), (3, 2), (4, 2), (5, 1)]


async def test_the_ack_wait_is_as_it_was(wire: Wire, connection: Connection) -> None:
    await fetched(wire, 3)

    await take_over(connection, [STREAM])

    config = (await wire.js.consumer_info(STREAM, DURABLE)).config
    assert config.ack_wait == ACK_WAIT_SECONDS
    assert config.filter_subject == "work.>"
    assert config.max_deliver == -1


async def test_what_is_pulled_afterwards_is_held_for_the_whole_ack_wait(wire: Wire, connection: Connection) -> None:
    await fetched(wire, 3)
    await take_over(connection, [STREAM])
    await fetched(wire, 5)

    with pytest.raises(TimeoutError):
        await fetched(wire, 1, seconds=0.5)


async def test_a_takeover_that_was_cut_short_is_made_up_for(wire: Wire, connection: Connection) -> None:
    await fetched(wire, 3)
    await consumers.durable(connection, STREAM, DURABLE, ["work.>"], ack_wait_seconds=0.001)

    await take_over(connection, [STREAM])
    await consumers.durable(connection, STREAM, DURABLE, ["work.>"], ack_wait_seconds=ACK_WAIT_SECONDS)

    assert [sequence for sequence, _ in await fetched(wire, 5)] == [1, 2, 3, 4, 5]
    assert (await wire.js.consumer_info(STREAM, DURABLE)).config.ack_wait == ACK_WAIT_SECONDS


async def test_with_nothing_held_there_is_nothing_to_take_over(wire: Wire, connection: Connection) -> None:
    consumer = await wire.js.pull_subscribe_bind(DURABLE, STREAM)
    for message in await consumer.fetch(5, timeout=5):
        await message.ack_sync()

    assert await take_over(connection, [STREAM]) == 0
    with pytest.raises(TimeoutError):
        await fetched(wire, 1, seconds=0.5)
