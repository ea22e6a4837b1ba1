"""A stretch of a stream is read from its first message to its last, over everything that breaks a connection."""

from collections.abc import AsyncIterator

import pytest

from callboard.events.connection import Connection
from callboard.events.errors import LogUnavailableError
from callboard.events.stretch import Stretch
from callboard.events.ticket import sequence_of
from tests.support.nats_server import NatsServer
from tests.support.proxy import Proxy
from tests.support.pulling import Numbers, numbers


@pytest.fixture
async def stream(nats_server: NatsServer) -> AsyncIterator[Numbers]:
    async with numbers(nats_server.url) as made:
        yield made


async def taken(stretch: Stretch) -> list[int]:
    found: list[int] = []
    while page := await stretch.next():
        found += [sequence_of(message.reply) for message in page]
    await stretch.close()
    return found


def stretch_of(stream: Numbers, first: int, last: int, subject: str = "", window: int = 16_000) -> Stretch:
    return Stretch(stream.connection, stream.stream, subject or f"{stream.prefix}.>", first, last, window=window)


@pytest.mark.parametrize(("first", "last"), [(1, 300), (1, 1), (300, 300), (17, 250), (300, 400), (301, 400), (9, 8)])
async def test_both_ends_are_within(stream: Numbers, first: int, last: int) -> None:
    await stream.publish(300)
    assert await taken(stretch_of(stream, first, last)) == list(range(first, min(last, 300) + 1))


@pytest.mark.parametrize("window", [1, 7, 100])
async def test_a_small_window_holds_nothing_up(stream: Numbers, window: int) -> None:
    await stream.publish(500)
    assert await taken(stretch_of(stream, 1, 500, window=window)) == list(range(1, 501))


async def test_a_filter_that_nothing_matches_is_an_end(stream: Numbers) -> None:
    await stream.publish(10)
    assert await taken(stretch_of(stream, 1, 10, f"{stream.prefix}.other")) == []


async def test_what_is_stored_meanwhile_is_not_within(stream: Numbers) -> None:
    await stream.publish(50)
    stretch = stretch_of(stream, 1, 50, window=4)
    first = [sequence_of(message.reply) for message in await stretch.next()]
    await stream.publish(50)
    assert first + await taken(stretch) == list(range(1, 51))


@pytest.mark.parametrize("moment", [1, 2, 130, 399])
async def test_a_link_that_breaks_in_the_middle_costs_nothing(
    stream: Numbers, nats_server: NatsServer, moment: int
) -> None:
    await stream.publish(400, size=30_000)
    with Proxy(nats_server.url) as proxy:
        connection = Connection()
        await connection.open(proxy.url)
        proxy.cut_at_answer(b"\r\n%d " % moment)
        found = await taken(Stretch(connection, stream.stream, f"{stream.prefix}.>", 1, 400))
        assert found == list(range(1, 401))
        await connection.close()


async def test_a_server_that_says_nothing_is_told(
    fresh_nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.events.stretch._SILENCE_SECONDS", 0.2)
    async with numbers(fresh_nats_server.url) as other:
        await other.publish(100)
        stretch = stretch_of(other, 1, 100, window=4)
        await stretch.next()
        fresh_nats_server.suspend()
        try:
            with pytest.raises(LogUnavailableError):
                await taken(stretch)
        finally:
            fresh_nats_server.resume()
        await stretch.close()
