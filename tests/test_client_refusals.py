"""What a service answers to a client, as typed errors; the service is a plain NATS connection that answers by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from nats.aio.msg import Msg

from callboard.client import Client
from callboard.errors import (
    ConflictError,
    NoAnswerError,
    NotFoundError,
    NotReadyError,
    NotRunningError,
    ServiceError,
)
from callboard.events.connection import Connection
from callboard.events.errors import CallboardError, InvalidValueError
from callboard.replies import UnreadableReplyError
from tests.support.nats_server import NatsServer

Answer = Callable[[Msg], Awaitable[None]]


@asynccontextmanager
async def service(url: str, answer: Answer) -> AsyncIterator[Client]:
    """A client, and somebody who gives ``answer`` to whatever it asks."""
    connection = Connection()
    await connection.open(url)
    await connection.subscribe("callboard.*.*", cb=answer)
    await connection.flush()
    try:
        async with Client(url, timeout_seconds=0.3) as board:
            yield board
    finally:
        await connection.close()


def refusing(code: str, body: bytes) -> Answer:
    async def answer(message: Msg) -> None:
        headers = {"Nats-Service-Error": "short text", "Nats-Service-Error-Code": code}
        await message._client.publish(message.reply, body, headers=headers)

    return answer


def answering(body: bytes) -> Answer:
    async def answer(message: Msg) -> None:
        await message.respond(body)

    return answer


STATUSES: dict[str, type[CallboardError]] = {
    "400": InvalidValueError,
    "404": NotFoundError,
    "409": ConflictError,
    "503": NotReadyError,
    "500": ServiceError,
    "many": ServiceError,
}


@pytest.mark.parametrize(("code", "kind"), STATUSES.items())
async def test_each_status_is_an_error_of_its_own(
    code: str, kind: type[CallboardError], nats_server: NatsServer
) -> None:
    body = b'{"type": "x", "title": "bad", "detail": "the very reason", "field": "delivery[0].url"}'
    async with service(nats_server.url, refusing(code, body)) as board:
        with pytest.raises(kind, match="the very reason") as raised:
            await board.task("a")

    assert type(raised.value) is kind


async def test_the_field_of_a_bad_value_is_kept(nats_server: NatsServer) -> None:
    async with service(nats_server.url, refusing("400", b'{"detail": "no", "field": "delivery[0].url"}')) as board:
        with pytest.raises(InvalidValueError) as raised:
            await board.submit("x")

    assert raised.value.field == "delivery[0].url"


@pytest.mark.parametrize("body", [b"", b"\xff", b"[1]", b"[" * 10_000], ids=["empty", "bytes", "list", "deep"])
async def test_a_refusal_without_a_readable_body_keeps_its_header(body: bytes, nats_server: NatsServer) -> None:
    async with service(nats_server.url, refusing("404", body)) as board:
        with pytest.raises(NotFoundError, match="short text"):
            await board.task("a")


BODIES = {"empty": b"", "bytes": b"\xff", "list": b"[1]", "number": b'{"id": 7}', "deep": b"[" * 10_000}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_an_answer_of_another_shape_is_named(body: bytes, nats_server: NatsServer) -> None:
    async with service(nats_server.url, answering(body)) as board:
        with pytest.raises(UnreadableReplyError):
            await board.task("a")


async def test_fields_of_a_newer_service_are_ignored(nats_server: NatsServer) -> None:
    body = b'{"id": "a", "status": "completed", "mood": "good", "as_of_seq": 7, "output": {"n": 1}}'
    async with service(nats_server.url, answering(body)) as board:
        task = await board.task("a")

    assert (task.id, task.status, task.output, task.terminal) == ("a", "completed", {"n": 1}, True)


async def test_silence_is_an_error_that_says_what_is_not_known(nats_server: NatsServer) -> None:
    asked: list[bytes] = []

    async def listen(message: Msg) -> None:
        asked.append(message.data)

    async with service(nats_server.url, listen) as board:
        with pytest.raises(NoAnswerError, match="same id"):
            await board.submit("x")

    assert len(asked) == 2
    assert asked[0] == asked[1]


async def test_an_answer_to_the_repeat_is_an_answer(nats_server: NatsServer) -> None:
    count = 0

    async def answer_second(message: Msg) -> None:
        nonlocal count
        count += 1
        if count == 2:
            await message.respond(b'{"id": "a", "seq": 5}')

    async with service(nats_server.url, answer_second) as board:
        receipt = await board.submit("x", id="a")

    assert (receipt.id, receipt.seq, receipt.queued) == ("a", 5, False)


async def test_nobody_there_is_told_apart_from_silence(fresh_nats_server: NatsServer) -> None:
    async with Client(fresh_nats_server.url) as board:
        for question in (
            board.task("a"),
            board.tasks(),
            board.stats(),
            board.agents(),
            board.agent_log(),
            board.heartbeats(),
        ):
            with pytest.raises(NotRunningError, match="callboard up"):
                await question


async def test_a_server_that_stands_still_is_silence(fresh_nats_server: NatsServer) -> None:
    async with Client(fresh_nats_server.url, timeout_seconds=0.3) as board:
        fresh_nats_server.suspend()
        try:
            with pytest.raises(NoAnswerError):
                await asyncio.wait_for(board.stats(), 10)
        finally:
            fresh_nats_server.resume()
