"""The request log without the middleware: lines from the client, and the newest ones read back."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from callboard.client import Client
from callboard.errors import NotRunningError
from callboard.events.errors import InvalidValueError
from tests.support.command_line import callboard
from tests.support.fresh_server import left_server
from tests.support.nats_server import NatsServer
from tests.support.request_lines import request_lines

url = pytest.fixture(left_server)
MANY = 300
SAID: dict[str, Any] = {
    "user_id": "anna",
    "method": "POST",
    "request": {"body": {"text": "hello"}},
    "action": "book",
    "tool": "calendar",
    "success": True,
    "intent": "book_meeting",
    "entities": {"day": "Monday"},
}


async def test_a_line_is_stored_with_what_is_said(url: str) -> None:
    at = datetime(2026, 11, 21, 8, tzinfo=UTC)
    async with Client(url) as board:
        assert await board.log_request("/ask", 201, 12.5, at=at, **SAID) == 1
        assert await board.log_request("/ask", 500, 3) == 2

    full, least = await asyncio.to_thread(request_lines, url)
    assert full == {"endpoint": "/ask", "status": 201, "response_ms": 12.5, "at": "2026-11-21T08:00:00Z", **SAID}
    assert least == {"user_id": None, "endpoint": "/ask", "status": 500, "response_ms": 3.0}


async def test_a_bad_line_is_refused_before_it_is_sent(url: str) -> None:
    async with Client(url) as board:
        least: dict[str, Any] = {"endpoint": "/a", "status": 200, "response_ms": 1}
        wrong: list[dict[str, Any]] = [{"endpoint": ""}, {"status": 7}, {"entitys": {}}]
        for bad in wrong:
            with pytest.raises(InvalidValueError):
                await board.log_request(**least | bad)

    assert await asyncio.to_thread(request_lines, url) == []


async def test_where_callboard_never_ran_there_is_nothing_to_log_to(nats_server: NatsServer) -> None:
    async with Client(nats_server.url) as board:
        with pytest.raises(NotRunningError):
            await board.log_request("/a", 200, 1)
        with pytest.raises(NotRunningError):
            await board.requests()


async def test_the_newest_lines_come_first_and_what_is_none_is_left_out(url: str) -> None:
    async with Client(url) as board:
        for number in range(MANY):
            data = b'{"user_id":"%s","endpoint":"/%d","status":200,"response_ms":1}' % (b"ab"[number % 2 :][:1], number)
            await board.connection.publish("callboard.request", data)
        await board.connection.jetstream().publish("callboard.request", b"no line")

        assert [line.endpoint for line in await board.requests(limit=2)] == ["/299", "/298"]
        assert [line.seq for line in await board.requests(user_id="a", limit=MANY)] == list(range(MANY - 1, 0, -2))
        assert await board.requests(user_id="c") == []
        with pytest.raises(InvalidValueError):
            await board.requests(limit=0)

        followed = board.follow_requests(user_id="b", since_seq=3)
        assert [(await anext(followed)).seq for _ in range(200 - 53)] == list(range(4, 297, 2))


def test_lines_are_listed_and_followed_on_the_command_line(url: str) -> None:
    async def store() -> None:
        async with Client(url) as board:
            await board.log_request("/ask", 201, 12.5, **SAID)
            await board.log_request("/\x1b[31mred", 200, 1)

    asyncio.run(store())
    listed = callboard("requests", "ls", "--nats", url)
    assert listed.code == 0
    assert "\x1b" not in listed.out
    assert "book_meeting" in listed.out
    assert callboard("requests", "ls", "--user", "anna", "--json", "--nats", url).json == {
        "requests": [{"seq": 1, "endpoint": "/ask", "status": 201, "response_ms": 12.5, **SAID}]
    }
    tail = callboard("requests", "tail", "--since-seq", "1", "--limit", "2", "--json", "--nats", url)
    assert [line["seq"] for line in tail.lines] == [1, 2]
    one = callboard("requests", "tail", "--since-seq", "1", "--user", "anna", "--limit", "1", "--nats", url)
    assert (one.code, "/ask" in one.out) == (0, True)
