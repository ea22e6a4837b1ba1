"""Receivers that are slow, huge, rude or not there cost an attempt and nothing else."""

import asyncio
import gzip
import logging

import pytest

from callboard.actors.channels.channel import DeliveryError
from callboard.actors.channels.webhook import WebhookChannel
from tests.support.deliveries import BODY, channel, message, webhook
from tests.support.ports import free_port
from tests.support.receiver import Answer, Receiver, Request, answering, closing, dripping, flooding, silent

DEADLINE = 10.0
PACKED = {"bomb": gzip.compress(bytes(10_000_000)), "not packed at all": b"plain text"}


async def attempt(hooks: WebhookChannel, url: str) -> object:
    """The receipt, or the error, whichever comes within the deadline."""
    async with asyncio.timeout(DEADLINE):
        try:
            return await hooks.send(webhook(url), message())
        except DeliveryError as error:
            return error


async def outcome(answer: Answer, timeout_seconds: float = 0.3) -> object:
    """What comes of one attempt; afterwards no connection may be left behind in a state that could serve another."""
    hooks = channel(timeout_seconds=timeout_seconds)
    async with Receiver(answer) as receiver:
        result = await attempt(hooks, receiver.url)
        async with asyncio.timeout(DEADLINE):
            await receiver.gone.wait()
        assert not [connection for connection in hooks._pool.connections if not connection.is_closed()]
        await hooks.close()
    return result


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(silent, id="never answers"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\n", b"x-drop: 1\r\n"), id="never ends its headers"),
        pytest.param(dripping(b"HTT", b""), id="stops in the status line"),
        pytest.param(dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="never gets to the status"),
    ],
)
async def test_an_answer_that_does_not_come_ends_with_the_time_out(answer: Answer) -> None:
    error = await outcome(answer)
    assert isinstance(error, DeliveryError)
    assert "did not answer within 0.3 seconds" in str(error)
    assert error.retryable


async def test_a_body_that_drips_does_not_hold_a_known_status_up() -> None:
    answer = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x")
    assert await outcome(answer, timeout_seconds=30) == {"status": 200}


async def test_an_endless_body_is_read_no_further_than_the_cap() -> None:
    answer = flooding(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(65_536) + b"\r\n")
    assert await outcome(answer, timeout_seconds=30) == {"status": 200}


async def test_endless_headers_are_an_error() -> None:
    error = await outcome(flooding(b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 10_000 + b"\r\n"), timeout_seconds=30)
    assert isinstance(error, DeliveryError)
    assert error.retryable


@pytest.mark.parametrize("body", PACKED.values(), ids=PACKED)
async def test_a_compressed_body_is_not_unpacked(body: bytes) -> None:
    answer = answering(200, "Content-Encoding: gzip\r\nConnection: close\r\n", body)
    assert await outcome(answer, timeout_seconds=30) == {"status": 200}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(closing, id="closes"),
        pytest.param(answering(-1), id="no HTTP"),
        pytest.param(answering(200, "no colon\r\n"), id="bad header"),
    ],
)
async def test_an_answer_that_is_none_may_be_tried_again(answer: Answer) -> None:
    error = await outcome(answer)
    assert isinstance(error, DeliveryError)
    assert str(error).startswith("lost 127.0.0.1: ")
    assert error.retryable


async def test_what_another_protocol_says_does_not_get_into_the_error() -> None:
    async def answer(_request: Request, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 inner-host.example ESMTP\r\n\r\n")

    error = await outcome(answer)
    assert str(error) == "lost 127.0.0.1: illegal status line"


async def test_an_answer_cut_off_in_its_body_is_still_an_answer() -> None:
    async def answer(_request: Request, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    assert await outcome(answer) == {"status": 202}


async def test_nobody_there_is_said_in_the_words_of_the_system() -> None:
    hooks = channel()
    error = await attempt(hooks, f"http://127.0.0.1:{free_port()}/")
    await hooks.close()
    assert isinstance(error, DeliveryError)
    assert str(error) == "lost 127.0.0.1: Connection refused"
    assert error.retryable


async def test_a_channel_goes_on_after_time_outs() -> None:
    hooks = channel(timeout_seconds=0.3)
    async with Receiver(silent) as deaf, Receiver(answering(200)) as receiver:
        errors = await asyncio.gather(*(attempt(hooks, deaf.url) for _ in range(5)))
        assert all(isinstance(error, DeliveryError) for error in errors)
        assert await attempt(hooks, receiver.url) == {"status": 200}
        await hooks.close()


async def test_neither_path_nor_query_nor_body_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    hooks = channel()
    with caplog.at_level(logging.DEBUG):
        async with Receiver(answering(500)) as receiver:
            error = await attempt(hooks, f"{receiver.url}-path-token?key=query-token")
            await hooks.close()
    for text in ("path-token", "query-token", BODY.decode()):
        assert text not in caplog.text
        assert text not in str(error)
