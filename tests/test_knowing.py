"""Asking about a user where nobody answers, or says no."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
import structlog
from nats.aio.msg import Msg

from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError, LogUnavailableError
from callboard.knowing import Asking
from callboard.requester import Requester
from tests.support.desk import serving
from tests.support.nats_server import NatsServer

SUBJECT = "callboard.query.user"


@pytest_asyncio.fixture
async def connection(nats_server: NatsServer) -> AsyncIterator[Connection]:
    made = Connection()
    await made.open(nats_server.url)
    yield made
    await made.close()


def asking(connection: Connection, seconds: float, fresh_seconds: float = 20) -> Asking:
    return Asking(Requester(connection, "nats://here", 5.0), seconds, fresh_seconds)


async def test_nobody_there_is_told_with_the_way_out(connection: Connection) -> None:
    with pytest.raises(LogUnavailableError, match=r"expected a process with the role projector .* user 'ada'"):
        await asking(connection, 0.3).user("ada", 7)


async def test_one_that_does_not_answer_is_not_waited_for_any_longer(connection: Connection) -> None:
    await connection.subscribe(SUBJECT)
    with pytest.raises(LogUnavailableError, match="got none: no answer to"):
        await asking(connection, 0.3).user("ada", 7)


async def test_it_is_asked_again_until_somebody_is_there(connection: Connection) -> None:
    question = asyncio.create_task(asking(connection, 20).user("ada", 7))

    async def answer(message: Msg) -> None:
        await message.respond(b"known")

    await connection.subscribe(SUBJECT, cb=answer)
    assert await question == b"known"


async def test_a_service_that_is_not_ready_is_asked_again(connection: Connection) -> None:
    asked: list[bytes] = []

    async def answer(message: Msg) -> None:
        asked.append(message.data)
        headers = {"Nats-Service-Error": "not ready", "Nats-Service-Error-Code": "503"}
        await connection.publish(message.reply, b"known", headers=headers if len(asked) == 1 else None)

    await connection.subscribe(SUBJECT, cb=answer)
    assert await asking(connection, 20).user("ada", 7) == b"known"
    assert asked == [b'{"user_id":"ada","min_seq":7}'] * 2


async def test_what_views_know_that_stay_behind_is_better_than_nothing(connection: Connection) -> None:
    asked: list[bytes] = []

    async def answer(message: Msg) -> None:
        asked.append(message.data)
        headers = {"Nats-Service-Error": "not ready", "Nats-Service-Error-Code": "503"}
        await connection.publish(message.reply, b"known", headers=headers if b"min_seq" in message.data else None)

    await connection.subscribe(SUBJECT, cb=answer)
    with structlog.testing.capture_logs() as logged:
        assert await asking(connection, 20, fresh_seconds=0.3).user("ada", 7) == b"known"
    assert asked[0] == b'{"user_id":"ada","min_seq":7}'
    assert asked[-1] == b'{"user_id":"ada"}'
    assert [each["event"] for each in logged] == ["user.views_behind"]


async def test_a_refusal_is_raised_at_once(connection: Connection) -> None:
    async def refuse(message: Msg) -> None:
        headers = {"Nats-Service-Error": "no", "Nats-Service-Error-Code": "400"}
        await connection.publish(message.reply, b'{"detail": "no such user"}', headers=headers)

    await connection.subscribe(SUBJECT, cb=refuse)
    with pytest.raises(InvalidValueError, match="no such user"):
        await asking(connection, 20).user("ada", 7)


async def test_views_that_are_behind_tell_as_of_when_they_are(
    connection: Connection, nats_server: NatsServer, tmp_path: Path
) -> None:
    async with serving(nats_server.url, tmp_path):
        told = msgspec.json.decode(await asking(connection, 20, fresh_seconds=0.3).user("ada", 7))
    assert (told["user_id"], told["as_of_seq"]) == ("ada", 0)
