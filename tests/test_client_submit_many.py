"""Many submissions at once: in atomic batches, in order, and the same ids again are the same tasks."""

import asyncio
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

from callboard.client import Client
from callboard.errors import NotRunningError, ServerNotFoundError
from callboard.events.errors import InvalidValueError
from callboard.outgoing import from_mapping
from callboard.shipper import BATCH, BATCH_BYTES, batches
from tests.support.boards import board_for_test
from tests.support.fresh_server import left_server
from tests.support.nats_server import NatsServer
from tests.support.running import Running
from tests.support.streams import commands, make_streams, on_server

url = pytest.fixture(left_server)
board = board_for_test()


class Follow(Struct):
    """A user's own way to write a submission."""

    input: dict[str, Any]
    agent: str | None = None
    kind: str | None = None


def stored(url: str) -> list[Msg]:
    return on_server(url, commands)


async def test_they_are_kept_in_order_each_for_its_agent(url: str) -> None:
    many = [{"input": number, "id": f"t-{number}", "agent": "billing" if number % 2 else None} for number in range(900)]

    async with Client(url) as board:
        ids = await board.submit_many(many)

    assert ids == [f"t-{number}" for number in range(900)]
    found = await asyncio.to_thread(stored, url)
    assert [msgspec.json.decode(message.data) for message in found] == [
        {"input": number, "id": f"t-{number}"} for number in range(900)
    ]
    assert [message.subject for message in found[:2]] == ["callboard.submit", "callboard.submit.billing"]


async def test_progress_is_told_after_each_batch(url: str) -> None:
    told: list[int] = []

    async with Client(url) as board:
        ids = await board.submit_many(({"input": number} for number in range(BATCH + 1)), progress=told.append)

    assert told == [BATCH, BATCH + 1]
    assert len(set(ids)) == BATCH + 1


async def test_structs_are_submissions_too(url: str) -> None:
    async with Client(url) as board:
        (task_id,) = await board.submit_many([Follow({"order": 7}, agent="billing", kind="follow_up")])

    (message,) = await asyncio.to_thread(stored, url)
    assert message.subject == "callboard.submit.billing"
    assert msgspec.json.decode(message.data) == {"input": {"order": 7}, "kind": "follow_up", "id": task_id}


async def test_none_at_all_are_no_task(url: str) -> None:
    async with Client(url) as board:
        assert await board.submit_many([]) == []


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"id": "a"}, "submission 1: expected input"),
        ({"input": 1, "prioritty": "high"}, "submission 1: unknown field 'prioritty': did you mean priority"),
        ({"input": 1, "priority": 11}, "submission 1: expected priority"),
        ({"input": 1, "agent": "a b"}, "submission 1: expected agent"),
        ({"input": object()}, "submission 1: expected input to be JSON"),
        ("text", "submission 1: expected a dict or a Struct, got 'text'"),
    ],
)
async def test_a_bad_one_is_named_by_its_place_and_its_batch_is_not_stored(bad: Any, says: str, url: str) -> None:
    async with Client(url) as board:
        with pytest.raises(InvalidValueError, match=says):
            await board.submit_many([{"input": 0}, bad])

    assert await asyncio.to_thread(stored, url) == []


async def test_one_that_is_too_large_for_the_stream_is_refused_here(url: str) -> None:
    async with Client(url) as board:
        with pytest.raises(InvalidValueError, match="submission 1: expected a submission of at most 1048576 bytes"):
            await board.submit_many([{"input": 0}, {"input": "x" * 1_100_000, "id": "big"}])
    server_takes = 1 << 20
    with pytest.raises(InvalidValueError, match=r"at most 983040 bytes, got \d+ for task big"):
        list(batches([from_mapping(0, {"input": "x" * 1_000_000, "id": "big"})], server_takes))


def test_a_batch_ends_at_a_count_or_a_size() -> None:
    small = [from_mapping(number, {"input": number}) for number in range(BATCH + 2)]
    large = [from_mapping(number, {"input": "x" * 400_000}) for number in range(5)]

    assert [len(batch) for batch in batches(small, 1 << 20)] == [BATCH, 2]
    assert [len(batch) for batch in batches(large, 1 << 20)] == [3, 2]
    assert BATCH_BYTES == 1 << 20


async def test_where_callboard_has_never_run_they_cannot_be_kept(fresh_nats_server: NatsServer) -> None:
    async with Client(fresh_nats_server.url) as board:
        for count in (1, 3):
            with pytest.raises(NotRunningError, match="callboard up"):
                await board.submit_many({"input": number} for number in range(count))


async def test_a_server_that_is_away_is_an_error_and_the_same_ids_again_are_safe(fresh_nats_server: NatsServer) -> None:
    many = [{"input": number, "id": f"t-{number}"} for number in range(3)]
    async with Client(fresh_nats_server.url, timeout_seconds=1) as board:
        await make_streams(board.connection)
        back = asyncio.Event()
        board.connection.on_reconnect(back.set)
        fresh_nats_server.kill()
        with pytest.raises(ServerNotFoundError):
            await board.submit_many(many)

        fresh_nats_server.start()
        async with asyncio.timeout(30):
            await back.wait()
        assert await board.submit_many(many) == ["t-0", "t-1", "t-2"]


async def test_the_same_ids_again_add_no_task_and_who_waits_hears_of_refusals(board: Running) -> None:
    many = [{"input": f"echo {number}", "id": f"t-{number}", "agent": "echo"} for number in range(BATCH + 5)]
    async with Client(board.url) as client:
        await client.submit_many(many)
        await client.submit_many([*many, {"input": "x", "id": "astray", "agent": "nobody"}])

        assert (await client.wait(f"t-{BATCH}", 30)).output == {"echo": f"echo {BATCH}"}
        with pytest.raises(InvalidValueError, match="nobody"):
            await client.wait("astray", 30)
        for each in many:
            assert (await client.wait(each["id"], 30)).status == "completed"
        assert (await client.stats()).total == len(many)


async def test_an_atomic_batch_is_one_step_of_the_stream(url: str) -> None:
    async with Client(url) as board:
        await board.submit_many({"input": number} for number in range(3))

    async def headers(connection: NatsClient) -> list[dict[str, str]]:
        return [message.headers or {} for message in await commands(connection)]

    found = await asyncio.to_thread(on_server, url, headers)
    assert len({each["Nats-Batch-Id"] for each in found}) == 1
    assert [each["Nats-Batch-Sequence"] for each in found] == ["1", "2", "3"]
