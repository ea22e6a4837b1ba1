"""Responses of every kind pass the request log as they are: in parts, broken off, failed, and what is no request."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from callboard.request_log import RequestLog, annotate
from callboard.request_log.exchange import CLIENT_GONE
from callboard.request_log.middleware import RequestLog as Wrapped
from tests.support.fresh_server import left_server
from tests.support.request_lines import request_lines
from tests.support.waiting import until
from tests.support.web import serving_web

url = pytest.fixture(left_server)
LIMIT = 1_000
PATIENT = 40.0


async def streamed(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(3):
            yield b"%d" % number
            await asyncio.sleep(0)

    return StreamingResponse(parts())


async def broken(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        raise ValueError("half way")

    return StreamingResponse(parts())


async def failing(_request: Request) -> Response:
    raise ValueError("nothing comes of this")


async def late(request: Request) -> Response:
    def fail() -> None:
        annotate(request.scope, action="too late")
        raise ValueError("after the response")

    return PlainTextResponse("hello", background=BackgroundTask(fail))


async def file(_request: Request) -> Response:
    return FileResponse(Path(__file__))


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def unread(_request: Request) -> Response:
    return PlainTextResponse("unread")


async def waiting(request: Request) -> Response:
    while not await request.is_disconnected():  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0)
    raise ValueError("there is nobody to answer")


async def chat(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


ROUTES = [
    *(Route(f"/{each.__name__}", each, methods=["GET", "POST"]) for each in (streamed, broken, failing, late, file)),
    *(Route(f"/{each.__name__}", each, methods=["GET", "POST"]) for each in (echo, unread, waiting)),
    WebSocketRoute("/chat", chat),
]


@contextlib.contextmanager
def logged(url: str) -> Iterator[tuple[str, Wrapped]]:
    log = RequestLog(Starlette(routes=ROUTES), nats_url=url, max_body_bytes=LIMIT, stop_seconds=PATIENT)
    with serving_web(log) as web:
        yield web, log


def outcome(url: str) -> list[tuple[str, int]]:
    return [(line["endpoint"], line["status"]) for line in request_lines(url)]


def test_answers_in_parts_and_from_files_arrive_whole(url: str) -> None:
    with logged(url) as (web, _log):
        assert httpx.get(f"{web}/streamed").text == "012"
        assert httpx.get(f"{web}/file").text == Path(__file__).read_text(encoding="utf-8")
        assert httpx.head(f"{web}/nowhere").status_code == 404

    assert outcome(url) == [("/streamed", 200), ("/file", 200), ("/nowhere", 404)]


def test_an_exception_is_a_status_of_500_and_goes_on(url: str) -> None:
    with logged(url) as (web, _log):
        assert httpx.get(f"{web}/failing").status_code == 500
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{web}/broken")

    assert outcome(url) == [("/failing", 500), ("/broken", 500)]


def test_what_fails_behind_the_response_changes_nothing(url: str) -> None:
    with logged(url) as (web, _log):
        assert httpx.get(f"{web}/late").text == "hello"

    assert outcome(url) == [("/late", 200)]


async def test_an_application_hears_what_it_raised(url: str) -> None:
    async def raising(*_given: Any) -> None:
        raise LookupError("of the application")

    async def nothing(*_given: Any) -> Any:
        return {"type": "http.disconnect"}

    log = RequestLog(raising, nats_url=url, stop_seconds=PATIENT)
    with pytest.raises(LookupError, match="of the application"):
        await log({"type": "http", "path": "/raising", "method": "GET"}, nothing, nothing)
    await asyncio.to_thread(log.stop)

    assert await asyncio.to_thread(outcome, url) == [("/raising", 500)]


def test_bodies_arrive_whole_and_large_ones_are_left_out_of_the_line(url: str) -> None:
    small, large = json.dumps({"text": "x" * 100}), json.dumps({"text": "x" * 1_000_000})
    with logged(url) as (web, _log):
        for body in (small, large):
            answer = httpx.post(f"{web}/echo", content=body, headers={"Content-Type": "application/json"})
            assert answer.text == body
        assert httpx.post(f"{web}/unread", json=[1]).text == "unread"

    assert [line.get("request") for line in request_lines(url)] == [
        {"body": json.loads(small)},
        {"body_omitted": f"more than {LIMIT} bytes"},
        None,
    ]


def test_a_client_that_goes_away_is_told_from_a_failure(url: str) -> None:
    with logged(url) as (web, log):
        address = httpx.URL(web)
        with socket.create_connection((address.host, address.port or 0)) as connection:
            connection.sendall(b"GET /waiting HTTP/1.1\r\nHost: here\r\n\r\n")
        until(lambda: log.counts.taken, "the request is over")

    assert outcome(url) == [("/waiting", CLIENT_GONE)]


async def test_a_request_that_the_server_calls_off_is_a_line_too(url: str) -> None:
    reached = asyncio.Event()

    async def hanging(_scope: Any, receive: Any, _send: Any) -> None:
        reached.set()
        await receive()

    log = RequestLog(hanging, nats_url=url, stop_seconds=PATIENT)
    never: Any = asyncio.Event().wait
    task = asyncio.create_task(log({"type": "http", "path": "/hanging", "method": "GET"}, never, never))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(log.stop)

    assert await asyncio.to_thread(outcome, url) == [("/hanging", CLIENT_GONE)]


async def test_a_websocket_passes(url: str) -> None:
    with logged(url) as (web, _log):
        async with websockets.connect(f"{web.replace('http', 'ws')}/chat") as talk:
            await talk.send("hello")
            assert await talk.recv() == "hello"

    assert await asyncio.to_thread(outcome, url) == []


@pytest.mark.parametrize("lifespan", ["on", "off"])
def test_it_starts_and_stops_with_or_without_a_lifespan(url: str, lifespan: str) -> None:
    log = RequestLog(Starlette(routes=ROUTES), nats_url=url, stop_seconds=PATIENT)
    for _ in range(2):
        with serving_web(log, lifespan) as web:
            assert httpx.get(f"{web}/unread").text == "unread"
        log.stop()
        log.stop()

    assert outcome(url) == [("/unread", 200)] * 2


def test_an_application_that_knows_no_lifespan_is_served_all_the_same(url: str) -> None:
    async def simple(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError("only http here")
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    log = RequestLog(simple, nats_url=url, stop_seconds=PATIENT)
    with serving_web(log, "auto") as web:
        assert httpx.get(web).status_code == 204
    log.stop()

    assert outcome(url) == [("/", 204)]


def test_what_is_left_is_stored_when_the_process_ends(url: str) -> None:
    code = f"""
import asyncio
from callboard.request_log import RequestLog

async def app(scope, receive, send):
    await send({{"type": "http.response.start", "status": 204, "headers": []}})
    await send({{"type": "http.response.body"}})

async def send(message):
    pass

log = RequestLog(app, nats_url={url!r}, stop_seconds={PATIENT})
asyncio.run(log({{"type": "http", "path": "/last", "method": "GET"}}, None, send))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    assert outcome(url) == [("/last", 204)]
