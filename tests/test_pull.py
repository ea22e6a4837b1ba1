"""A pull goes on over whatever happens to link, server and consumer, and never holds more than its window."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from callboard.events.connection import Connection
from tests.support.nats_server import NatsServer
from tests.support.proxy import Proxy
from tests.support.pulling import Numbers, Puller, numbers
from tests.support.waiting import eventually

HEARTBEAT = 0.2


@pytest.fixture
async def stream(nats_server: NatsServer) -> AsyncIterator[Numbers]:
    async with numbers(nats_server.url) as made:
        yield made


async def settled(puller: Puller, amount: int) -> None:
    await eventually(lambda: len(set(puller.numbers)) >= amount, f"{amount} messages are taken")


@pytest.mark.parametrize("window", [1, 2, 7, 500])
async def test_everything_arrives_in_order_once(stream: Numbers, window: int) -> None:
    await stream.publish(1_200)
    puller = Puller(stream.connection)
    await puller.start(stream, window)
    await settled(puller, 1_200)
    await stream.publish(3)
    await settled(puller, 1_203)
    await puller.stop()
    assert puller.numbers == list(range(1, 1_204))


@pytest.mark.parametrize("window", [1, 4, 100])
async def test_never_more_than_the_window_is_out(stream: Numbers, window: int) -> None:
    await stream.publish(600)
    puller = Puller(stream.connection, settle=False)
    pull = await puller.start(stream, window)
    released = 0
    # Room is asked for in quarters of the window, so a little of it may stay unused.
    least = window - max(1, window // 4) + 1
    for amount in (0, 1, window // 2, window, 1):
        held = len(puller.taken) - released
        pull.release(min(amount, held))
        released += min(amount, held)
        await eventually(lambda wanted=released + least: len(puller.taken) >= wanted, "the room is used")  # type: ignore[misc]
        # What the server has sent is here before its answer to this.
        assert await stream.out() == len(puller.taken) <= released + window
    await puller.stop()


async def test_a_window_stays_what_it_is_over_reconnects(nats_server: NatsServer) -> None:
    async with numbers(nats_server.url) as stream:
        with Proxy(nats_server.url) as proxy:
            connection = Connection()
            await connection.open(proxy.url)
            puller = Puller(connection, settle=False)
            await puller.start(stream, 40)
            await stream.publish(10)
            await settled(puller, 10)
            for reconnects in (1, 2, 3):
                await asyncio.to_thread(proxy.cut)
                await eventually(lambda count=reconnects: connection.stats["reconnects"] == count, "it is back")  # type: ignore[misc]
            await stream.publish(200)
            await eventually(lambda: len(puller.taken) >= 31, "the rest of the window is used")
            await connection.flush()
            await stream.connection.flush()
            assert await stream.out() == len(puller.taken) <= 40
            await puller.stop()
            await connection.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_server_that_is_started_again(fresh_nats_server: NatsServer, end: str) -> None:
    async with numbers(fresh_nats_server.url) as stream:
        puller = Puller(stream.connection)
        await puller.start(stream)
        for round_ in (1, 2):
            await stream.publish(300)
            await settled(puller, stream.last)
            await asyncio.to_thread(getattr(fresh_nats_server, end))
            await eventually(lambda: not stream.connection.is_connected, "the server is missed")
            await asyncio.to_thread(fresh_nats_server.start)
            await eventually(lambda count=round_: stream.connection.stats["reconnects"] == count, "it is back")  # type: ignore[misc]
        await stream.publish(300)
        await settled(puller, stream.last)
        # An acknowledgement is not durable: a message may come again, but none is missing.
        assert sorted(set(puller.numbers)) == list(range(1, 901))
        await puller.stop()


async def test_a_link_that_is_cut_again_and_again(nats_server: NatsServer) -> None:
    async with numbers(nats_server.url) as stream:
        await stream.add_consumer(ack_wait_seconds=1.0)
        with Proxy(nats_server.url) as proxy:
            connection = Connection()
            await connection.open(proxy.url)
            puller = Puller(connection)
            await puller.start(stream)
            await stream.publish(5_000, size=1_000)
            for amount in (500, 1_500, 2_500, 4_000):
                await settled(puller, amount)
                await asyncio.to_thread(proxy.cut)
            await settled(puller, 5_000)
            await puller.stop()
            await connection.close()


async def test_a_consumer_that_is_deleted_and_made_again(stream: Numbers) -> None:
    puller = Puller(stream.connection)
    await puller.start(stream)
    await stream.publish(10)
    await settled(puller, 10)
    await stream.delete_consumer()
    await eventually(lambda: puller.lost, "the loss is told")
    assert puller.lost[0] == "Consumer Deleted"
    await stream.add_consumer()
    await stream.publish(10)
    # The new consumer begins at the beginning.
    await settled(puller, 20)
    await puller.stop()


async def test_a_loss_that_ends_several_requests_is_told_once(stream: Numbers) -> None:
    puller = Puller(stream.connection)
    # The window is asked for in parts as messages come, so that several requests stand.
    await puller.start(stream, heartbeat_seconds=5.0)
    for _ in range(4):
        await stream.publish(25)
        await settled(puller, stream.last)
    await stream.delete_consumer()
    await eventually(lambda: puller.lost, "the loss is told")
    await stream.connection.flush()
    assert puller.lost == ["Consumer Deleted"]
    await puller.stop()


async def test_a_consumer_that_was_never_there_is_told_once_and_asked_for_until_it_is(stream: Numbers) -> None:
    await stream.delete_consumer()
    puller = Puller(stream.connection)
    await puller.start(stream)
    await eventually(lambda: puller.lost, "the loss is told")
    assert puller.lost == ["no such consumer"]
    await stream.add_consumer()
    await stream.publish(10)
    await settled(puller, 10)
    await puller.stop()


async def test_requests_that_the_server_ended_unheard_are_sent_again(nats_server: NatsServer) -> None:
    async with numbers(nats_server.url) as stream:
        with Proxy(nats_server.url) as proxy:
            connection = Connection()
            await connection.open(proxy.url)
            puller = Puller(connection)
            await puller.start(stream)
            deaf = proxy.swallow_answers_after(b"silence")
            await connection.publish("silence")
            await asyncio.to_thread(deaf.wait)
            # The consumer is made anew, and with it goes what was asked for; nobody hears of it.
            await stream.delete_consumer()
            await stream.add_consumer()
            proxy.hear()
            await stream.publish(10)
            await settled(puller, 10)
            assert connection.stats["reconnects"] == 0
            await puller.stop()
            await connection.close()


async def test_two_pulls_on_one_consumer_share_the_messages(nats_server: NatsServer) -> None:
    async with numbers(nats_server.url) as stream:
        other = Connection()
        await other.open(nats_server.url)
        pullers = [Puller(stream.connection), Puller(other)]
        for puller in pullers:
            await puller.start(stream, 50)
        for _ in range(3):
            await stream.publish(1_000)
            await eventually(
                lambda: sum(len(puller.taken) for puller in pullers) >= stream.last, "all messages are taken"
            )
        assert sorted(pullers[0].numbers + pullers[1].numbers) == list(range(1, 3_001))
        assert all(puller.taken for puller in pullers)
        for puller in pullers:
            await puller.stop()
        await other.close()


async def test_what_a_stopped_pull_had_not_handed_over_comes_to_the_next_at_once(stream: Numbers) -> None:
    # An acknowledgement is waited for far longer than this test may take.
    taken: set[int] = set()
    publishing = asyncio.ensure_future(stream.publish(4_000, size=500))
    while len(taken) < 4_000:
        puller = Puller(stream.connection)
        await puller.start(stream, 200)
        await eventually(lambda puller=puller: puller.taken, "the next pull gets something")  # type: ignore[misc]
        await puller.stop()
        taken |= set(puller.numbers)
    await publishing
    assert taken == set(range(1, 4_001))
    assert await stream.out() == 0


async def test_a_stopped_pull_delivers_nothing_and_leaves_nothing_behind(stream: Numbers) -> None:
    subscriptions = set(stream.connection._subs)
    puller = Puller(stream.connection)
    pull = await puller.start(stream)
    await pull.stop()
    await pull.stop()
    pull.release(5)
    await stream.publish(10)
    assert puller.taken == []
    assert set(stream.connection._subs) == subscriptions | {1}
    assert stream.connection._on_reconnect == []
    assert stream.connection.taps == {}
    assert await stream.out() == 0


async def test_stopping_while_the_server_is_silent_or_the_connection_closed(fresh_nats_server: NatsServer) -> None:
    async with numbers(fresh_nats_server.url) as stream:
        pulls = [await Puller(stream.connection).start(stream) for _ in range(2)]
        fresh_nats_server.suspend()
        await asyncio.wait_for(pulls[0].stop(), 10)
        fresh_nats_server.resume()
        await stream.connection.close()
        await asyncio.wait_for(pulls[1].stop(), 10)


async def test_a_connection_that_was_closed_makes_no_noise(nats_server: NatsServer) -> None:
    noise: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: noise.append(context["message"]))
    async with numbers(nats_server.url) as stream:
        puller = Puller(stream.connection)
        pull = await puller.start(stream)
        await stream.connection.close()
        pull._reconnected()
        await eventually(lambda: not pull._work, "the pull has tried to begin anew")
        await puller.stop()
    gc.collect()
    assert noise == []
