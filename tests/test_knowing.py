"""Asking about a user where nobody answers, or says no."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from nats.aio.msg import Msg

from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError, LogUnavailableError
from callboard.knowing import ASK_SECONDS, Asking
from callboard.requester import Requester
from callboard.sights import READY_SECONDS
from tests.support.desk import serving
from tests.support.nats_server import NatsServer

SUBJECT = "callboard.query.user"


@pytest_asyncio.fixture
async def connection(nats_server: NatsServer) -> AsyncIterator[Connection]:
    made = Connection()
    await made.open(nats_server.url)
    yield made
    await made.close()


def asking(connection: Connection, seconds: float) -> Asking:
    return Asking(Requester(connection, "nats://here", 5.0), seconds)


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


async def test_how_far_behind_the_views_were_is_told_though_nobody_answers_in_the_end(
    connection: Connection,
) -> None:
    asked: list[bytes] = []

    async def answer(message: Msg) -> None:
        asked.append(message.data)
        headers = {"Nats-Service-Error": "not ready", "Nats-Service-Error-Code": "503"}
        if len(asked) == 1:
            await connection.publish(message.reply, b'{"detail": "the views reflect 3, not yet 7"}', headers=headers)

    await connection.subscribe(SUBJECT, cb=answer)
    with pytest.raises(LogUnavailableError, match="'ada', got none: the views reflect 3, not yet 7"):
        await asking(connection, 2).user("ada", 7)
    assert len(asked) > 1


async def test_a_refusal_is_raised_at_once(connection: Connection) -> None:
    async def refuse(message: Msg) -> None:
        headers = {"Nats-Service-Error": "no", "Nats-Service-Error-Code": "400"}
        await connection.publish(message.reply, b'{"detail": "no such user"}', headers=headers)

    await connection.subscribe(SUBJECT, cb=refuse)
    with pytest.raises(InvalidValueError, match="no such user"):
        await asking(connection, 20).user("ada", 7)


async def test_views_that_are_behind_say_so(
    connection: Connection, nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.sights.READY_SECONDS", 0.01)
    async with serving(nats_server.url, tmp_path):
        with pytest.raises(LogUnavailableError, match="got none: the views reflect sequence 0, not yet 7"):
            await asking(connection, 1).user("ada", 7)


def test_it_waits_longer_than_views_that_are_behind() -> None:
    assert ASK_SECONDS > READY_SECONDS
