"""The request log in real applications of three frameworks under a real server: one line for each request."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from litestar import Litestar, post
from litestar import Request as LitestarRequest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse
from starlette.routing import Route

from callboard.request_log import RequestLog, annotate
from tests.support.fresh_server import left_server
from tests.support.request_lines import request_lines
from tests.support.web import serving_web

url = pytest.fixture(left_server)
SAID: dict[str, Any] = {
    "action": "book",
    "tool": "calendar",
    "success": True,
    "intent": "book_meeting",
    "entities": {"day": "Monday"},
}


def starlette_app(url: str) -> Any:
    async def ask(request: StarletteRequest) -> JSONResponse:
        annotate(request.scope, **SAID)
        return JSONResponse({"got": await request.json()})

    log = Middleware(RequestLog, nats_url=url, stop_seconds=40, exclude=("/health",))
    return Starlette(routes=[Route("/ask/{name}", ask, methods=["POST"])], middleware=[log])


def fastapi_app(url: str) -> Any:
    lives = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        lives.append("began")
        yield
        lives.append("ended")

    app = FastAPI(lifespan=lifespan)
    app.add_middleware(RequestLog, nats_url=url, stop_seconds=40, exclude=["/health"])

    @app.post("/ask/{name}")
    async def ask(name: str, body: dict[str, Any], request: Request) -> dict[str, Any]:
        assert lives == ["began"], name
        annotate(request.scope, **SAID)
        return {"got": body}

    return app


def litestar_app(url: str) -> Any:
    @post("/ask/{name:str}", status_code=200)
    async def ask(request: LitestarRequest[Any, Any, Any]) -> dict[str, Any]:
        annotate(request.scope, **SAID)
        return {"got": await request.json()}

    return RequestLog(Litestar(route_handlers=[ask]), nats_url=url, stop_seconds=40, exclude=["/health"])


@pytest.mark.parametrize("make", [starlette_app, fastapi_app, litestar_app])
def test_each_request_is_a_line(make: Callable[[str], Any], url: str) -> None:
    before = datetime.now(UTC)
    with serving_web(make(url)) as web:
        answer = httpx.post(f"{web}/ask/anna?lang=de", json={"text": "hello", "password": "hunter2"})
        assert answer.json() == {"got": {"text": "hello", "password": "hunter2"}}
        assert httpx.get(f"{web}/nowhere").status_code == 404
        httpx.get(f"{web}/health/live")

    asked, missed = request_lines(url)
    assert before - timedelta(milliseconds=1) <= datetime.fromisoformat(asked.pop("at")) <= datetime.now(UTC)
    assert 0 < asked.pop("response_ms") < 60_000
    assert asked == {
        "user_id": None,
        "endpoint": "/ask/anna",
        "method": "POST",
        "status": 200,
        "request": {"query": {"lang": "de"}, "body": {"text": "hello", "password": "[redacted]"}},
        **SAID,
    }
    assert (missed["endpoint"], missed["method"], missed["status"]) == ("/nowhere", "GET", 404)
    assert missed.keys() == {"user_id", "endpoint", "method", "status", "response_ms", "at"}
