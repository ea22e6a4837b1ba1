"""Following live events and reading stored ones, on a server where nothing but the streams is."""

import asyncio

import pytest

from callboard.client import Client
from callboard.errors import MissedEventsError
from callboard.event_info import EventInfo
from callboard.follower import Follower
from tests.support.nats_server import NatsServer
from tests.support.streams import make_streams, store_event


async def test_events_come_as_they_are_stored_with_their_place_in_the_log(fresh_nats_server: NatsServer) -> None:
    async with Client(fresh_nats_server.url) as board:
        await make_streams(board.connection)
        async with board.follow() as events:
            await store_event(board.connection, "a", 1, "submitted", input="hello")
            await store_event(board.connection, "a", 2, "assigned.billing.normal", agent="billing")

            first, second = await following(events), await following(events)

    assert (first.event, first.task_id, first.version, first.seq) == ("submitted", "a", 1, 1)
    assert first.body["input"] == "hello"
    assert (second.event, second.version, second.seq) == ("assigned", 2, 2)
    assert second.at.second == 2


async def test_one_task_can_be_followed_alone(fresh_nats_server: NatsServer) -> None:
    async with Client(fresh_nats_server.url) as board:
        await make_streams(board.connection)
        async with board.follow("b") as events:
            for task_id in ("a", "b"):
                await store_event(board.connection, task_id, 1, "submitted", input=1)

            assert (await following(events)).task_id == "b"


async def test_what_the_server_refused_is_not_followed(fresh_nats_server: NatsServer) -> None:
    async with Client(fresh_nats_server.url) as board:
        await make_streams(board.connection)
        async with board.follow() as events:
            headers = {"Nats-Expected-Last-Sequence": "77"}
            with pytest.raises(Exception, match="wrong last sequence"):
                await board.connection.jetstream().publish("callboard.events.task.a.1.x", b"{}", headers=headers)
            await store_event(board.connection, "b", 1, "submitted", input=1)

            assert (await following(events)).task_id == "b"


async def test_closing_the_client_ends_the_iteration(fresh_nats_server: NatsServer) -> None:
    board = Client(fresh_nats_server.url)
    await board.open()
    events = await board.follow().open()
    reading = asyncio.create_task(read_all(events))

    await board.close()

    assert await asyncio.wait_for(reading, 10) == []


async def test_a_connection_that_broke_is_told_and_not_papered_over(fresh_nats_server: NatsServer) -> None:
    async with Client(fresh_nats_server.url) as board:
        await make_streams(board.connection)
        async with board.follow() as events:
            await store_event(board.connection, "a", 1, "submitted", input=1)
            assert (await following(events)).seq == 1
            fresh_nats_server.kill()
            fresh_nats_server.start()

            with pytest.raises(MissedEventsError, match="interrupted") as missed:
                await following(events)

            assert missed.value.seq == 1
            with pytest.raises(StopAsyncIteration):
                await following(events)


async def test_a_reader_that_is_too_slow_gets_what_came_before_the_gap_and_is_told(nats_server: NatsServer) -> None:
    async with Client(nats_server.url) as board:
        await make_streams(board.connection)
        async with Follower(board.connection, "callboard.live.task.>", max_waiting_bytes=1_000) as events:
            for version in range(1, 21):
                await store_event(board.connection, "slow", version, "progressed", note="x" * 100)
            await board.connection.flush()

            seen: list[int] = []
            with pytest.raises(MissedEventsError, match="behind"):
                await read_into(seen, events)

    assert seen == list(range(1, len(seen) + 1))
    assert 0 < len(seen) < 20


async def test_the_log_is_read_from_any_place_to_its_end(fresh_nats_server: NatsServer) -> None:
    async with Client(fresh_nats_server.url) as board:
        await make_streams(board.connection)
        assert [event async for event in board.replay()] == []
        total = await fill(board, 600)

        assert [event.seq async for event in board.replay()] == list(range(1, total + 1))
        assert [event.seq async for event in board.replay(total - 1)] == [total - 1, total]
        assert [event async for event in board.replay(total + 1)] == []
        assert await board.last_seq() == total


async def fill(board: Client, count: int) -> int:
    js = board.connection.jetstream()
    body = b'{"at": "2026-01-01T00:00:00Z"}'
    futures = [await js.publish_async(f"callboard.events.task.t{n}.1.submitted", body) for n in range(count)]
    acks = await asyncio.gather(*futures)
    return max(ack.seq for ack in acks)


async def following(events: Follower) -> EventInfo:
    return await asyncio.wait_for(anext(events), 30)


async def read_all(events: Follower) -> list[EventInfo]:
    return [event async for event in events]


async def read_into(seen: list[int], events: Follower) -> None:
    async with asyncio.timeout(30):
        async for event in events:
            seen.append(event.version)  # noqa: PERF401 -- what came before the error counts
