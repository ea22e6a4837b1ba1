"""Whoever waits for a task hears at once that its command was refused."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError
from callboard.refusals import Refusals
from tests.support.nats_server import NatsServer
from tests.support.waiting import eventually

SECONDS = 20.0
PROBLEM = b'{"title": "Invalid value", "detail": "expected something else"}'


@pytest.fixture
async def connection(nats_server: NatsServer) -> AsyncIterator[Connection]:
    connection = Connection()
    await connection.open(nats_server.url)
    yield connection
    await connection.close()


class Work:
    """Something that takes for ever."""

    def __init__(self) -> None:
        self.begun, self.called_off = asyncio.Event(), False

    async def do(self) -> str:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.called_off = True
            raise
        return "never"


async def test_work_is_cut_short_by_a_refusal(connection: Connection) -> None:
    refusals, work = Refusals(connection), Work()
    address = await refusals.address("task.a")
    waiting = asyncio.ensure_future(refusals.cut_short("task.a", work.do()))
    await work.begun.wait()

    await connection.publish(address, PROBLEM)

    assert await asyncio.wait_for(waiting, SECONDS) is None
    assert work.called_off
    with pytest.raises(InvalidValueError, match="expected something else"):
        refusals.raise_for("task.a")


async def test_all_who_wait_are_told_and_nobody_else(connection: Connection) -> None:
    refusals, works = Refusals(connection), [Work() for _ in range(3)]
    address = await refusals.address("task.a")
    waiting = [
        asyncio.ensure_future(refusals.cut_short(task_id, work.do()))
        for task_id, work in zip(("task.a", "task.a", "task.b"), works, strict=True)
    ]
    for work in works:
        await work.begun.wait()

    await connection.publish(address, PROBLEM)

    assert await asyncio.wait_for(asyncio.gather(*waiting[:2]), SECONDS) == [None, None]
    assert not waiting[2].done()
    waiting[2].cancel()


async def test_work_that_ends_first_gives_its_result(connection: Connection) -> None:
    refusals = Refusals(connection)

    assert await refusals.cut_short("task.a", asyncio.sleep(0, "done")) == "done"
    assert not refusals.knows("task.a")


async def test_whoever_stops_waiting_stops_the_work(connection: Connection) -> None:
    refusals, work = Refusals(connection), Work()
    waiting = asyncio.ensure_future(refusals.cut_short("task.a", work.do()))
    await work.begun.wait()

    waiting.cancel()

    await eventually(lambda: waiting.cancelled() and work.called_off, "both are called off")


async def test_what_is_forgotten_is_known_no_more(connection: Connection) -> None:
    refusals = Refusals(connection)
    await connection.publish(await refusals.address("task.a"), PROBLEM)
    await eventually(lambda: refusals.knows("task.a"), "the refusal has come")

    refusals.forget("task.a")

    refusals.raise_for("task.a")
    assert not refusals.knows("task.a")


async def test_what_was_refused_is_told_to_everybody_who_asks(connection: Connection) -> None:
    refusals = Refusals(connection)
    await connection.publish(await refusals.address("task.a"), PROBLEM)
    await eventually(lambda: refusals.knows("task.a"), "the refusal has come")

    for _ in range(2):
        with pytest.raises(InvalidValueError):
            refusals.raise_for("task.a")
    refusals.raise_for("cancel.a")


async def test_whoever_cleans_up_after_a_cancellation_hears_of_it_too(connection: Connection) -> None:
    refusals, work, outer = Refusals(connection), Work(), Work()
    address = await refusals.address("task.a")

    async def clean_up() -> str | None:
        try:
            return await outer.do()
        except asyncio.CancelledError:
            return await refusals.cut_short("task.a", work.do())

    cleaning = asyncio.ensure_future(clean_up())
    await outer.begun.wait()
    cleaning.cancel()
    await work.begun.wait()

    await connection.publish(address, PROBLEM)

    assert await asyncio.wait_for(cleaning, SECONDS) is None
