"""While the server is away, or slower than the requests: no request waits or fails, and what is lost is counted."""

import contextlib
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from callboard.request_log import RequestLog, annotate
from tests.support.log_lines import LogLines, captured
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.proxy import Proxy
from tests.support.request_lines import request_lines
from tests.support.streams import make_streams, on_server
from tests.support.waiting import until
from tests.support.web import serving_web

ASKED = 25
MANY = 60
PATIENT = 40.0
"""Seconds; a busy machine is no reason to lose a line."""


async def hello(_request: Any) -> PlainTextResponse:
    return PlainTextResponse("hello")


@contextlib.contextmanager
def asking(log: RequestLog) -> Iterator[httpx.Client]:
    with serving_web(log) as web, httpx.Client(base_url=web) as client:
        yield client


def made(url: str, **settings: Any) -> RequestLog:
    given = {"stop_seconds": PATIENT, "tell_seconds": PATIENT} | settings
    return RequestLog(Starlette(routes=[Route("/{number}", hello)]), nats_url=url, **given)


def ask(client: httpx.Client, *numbers: int) -> None:
    for number in numbers:
        assert client.get(f"/{number}").text == "hello"


def endpoints(url: str) -> list[str]:
    return [line["endpoint"] for line in request_lines(url)]


@pytest.fixture
def lines() -> Iterator[LogLines]:
    with captured() as found:
        yield found


def test_a_server_that_comes_later_gets_the_lines_that_waited(fresh_nats_server: NatsServer, lines: LogLines) -> None:
    on_server(fresh_nats_server.url, make_streams)
    fresh_nats_server.stop()
    log = made(fresh_nats_server.url)
    with asking(log) as client:
        ask(client, 0, 1)
        lines.wait("request_log.unavailable")
        fresh_nats_server.start()
        until(lambda: log.counts.stored == 2, "the lines are stored")
        fresh_nats_server.kill()
        ask(client, 2, 3)
        lines.wait("request_log.unavailable", 2)
        fresh_nats_server.start()
        lines.wait("request_log.available", 2)
        ask(client, 4)

    assert sorted(endpoints(fresh_nats_server.url)) == [f"/{number}" for number in range(5)]
    assert (log.counts.stored, log.counts.dropped) == (5, 0)


def test_a_callboard_that_never_ran_gets_the_lines_once_it_did(fresh_nats_server: NatsServer, lines: LogLines) -> None:
    log = made(fresh_nats_server.url)
    with asking(log) as client:
        ask(client, 0)
        assert "no callboard answers callboard.request" in lines.wait("request_log.unavailable")["error"]
        on_server(fresh_nats_server.url, make_streams)
        until(lambda: log.counts.stored, "the line is stored")

    assert endpoints(fresh_nats_server.url) == ["/0"]


def test_a_batch_whose_answer_was_lost_is_stored_once(fresh_nats_server: NatsServer, lines: LogLines) -> None:
    on_server(fresh_nats_server.url, make_streams)
    with Proxy(fresh_nats_server.url) as proxy:
        lost = proxy.cut_at_answer(b'"batch"')
        log = made(proxy.url)
        with asking(log) as client:
            proxy.refuse()
            ask(client, *range(ASKED))
            lines.wait("request_log.unavailable")
            proxy.accept()
            lost.wait()
            until(lambda: log.counts.stored == ASKED, "the lines are stored")

    assert endpoints(fresh_nats_server.url) == [f"/{number}" for number in range(ASKED)]


def test_more_than_the_buffer_holds_is_dropped_counted_and_logged_once(lines: LogLines) -> None:
    log = made(f"nats://127.0.0.1:{free_port()}", max_lines=10, stop_seconds=0.3)
    with asking(log) as client:
        ask(client, *range(ASKED))
        assert log.counts.dropped == ASKED - 10
        lines.wait("request_log.unavailable")
        stopped = time.monotonic()

    assert time.monotonic() - stopped < PATIENT / 2
    assert (log.counts.taken, log.counts.stored, log.counts.dropped) == (10, 0, ASKED)
    told = lines.named("request_log.dropped")
    assert sum(line["count"] for line in told) == ASKED
    assert len(told) <= 2
    assert "no NATS server answers" in told[-1]["reason"]


def test_the_memory_of_what_waits_is_bounded(lines: LogLines) -> None:
    log = made(f"nats://127.0.0.1:{free_port()}", max_bytes=10_000, stop_seconds=0.1)
    with asking(log) as client:
        ask(client, *range(ASKED))

    assert 0 < log.counts.taken < ASKED
    assert sum(line["count"] for line in lines.named("request_log.dropped")) == ASKED


async def much(request: Request) -> PlainTextResponse:
    annotate(request.scope, intent="store", entities={"text": "x" * 100_000})
    return PlainTextResponse("hello")


def test_what_handlers_say_counts_as_memory(fresh_nats_server: NatsServer) -> None:
    on_server(fresh_nats_server.url, make_streams)
    fresh_nats_server.stop()
    app = Starlette(routes=[Route("/", much)])
    log = RequestLog(app, nats_url=fresh_nats_server.url, max_bytes=1_000_000, stop_seconds=PATIENT)
    tracemalloc.start()
    with asking(log) as client:
        for _ in range(MANY):
            assert client.get("/").text == "hello"
        # Before the stop: while the server is away, this is all that memory has.
        counts, [held, _] = log.counts, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        fresh_nats_server.start()

    assert counts.dropped >= MANY - 10
    assert held < MANY * 100_000 / 3
    assert log.counts.stored == MANY - counts.dropped > 0
    assert {len(line["entities"]["text"]) for line in request_lines(fresh_nats_server.url)} == {100_000}


def test_a_line_that_is_larger_than_its_record_counts_as_large_as_it_is(lines: LogLines) -> None:
    log = made(f"nats://127.0.0.1:{free_port()}", max_bytes=12_000, stop_seconds=0.1)
    with asking(log) as client:
        client.get("/1", params={"a": "\x01" * 2_500})  # 3 characters each in the query, 6 in JSON
        until(lambda: log.counts.dropped, "there is no room for the line")

    assert (log.counts.taken, log.counts.dropped) == (1, 1)
    assert lines.wait("request_log.dropped")["reason"] == "the buffer is full"


def test_a_server_that_is_silent_holds_up_no_request(fresh_nats_server: NatsServer) -> None:
    on_server(fresh_nats_server.url, make_streams)
    log = made(fresh_nats_server.url)
    with asking(log) as client:
        ask(client, 0)
        until(lambda: log.counts.stored, "it is connected")
        fresh_nats_server.suspend()
        ask(client, *range(1, ASKED))
        assert log.counts.stored == 1
        fresh_nats_server.resume()

    assert sorted(endpoints(fresh_nats_server.url)) == sorted(f"/{number}" for number in range(ASKED))


def test_many_lines_are_stored_in_order(fresh_nats_server: NatsServer) -> None:
    on_server(fresh_nats_server.url, make_streams)
    log = made(fresh_nats_server.url)
    with asking(log) as client:
        ask(client, *range(600))

    assert endpoints(fresh_nats_server.url) == [f"/{number}" for number in range(600)]
