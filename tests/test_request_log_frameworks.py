"""The request log in real applications of three frameworks under a real server: one line for each request."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from litestar import Litestar, asgi, get, post
from litestar import Request as LitestarRequest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

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


async def thing(_request: StarletteRequest) -> JSONResponse:
    return JSONResponse({})


async def bare(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer as an application without routes."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


def starlette_app(url: str) -> Any:
    async def ask(request: StarletteRequest) -> JSONResponse:
        annotate(request.scope, **SAID)
        return JSONResponse({"got": await request.json()})

    log = Middleware(RequestLog, nats_url=url, stop_seconds=40, exclude=("/health",))
    routes = [Route("/ask/{name}", ask, methods=["POST"]), Route("/things/{number}/{name}", thing)]
    below = Mount("/users/{user}", routes=[Route("/things/{number}", thing)])
    return Starlette(routes=[*routes, below, Mount("/mounted", app=bare)], middleware=[log])


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

    @app.get("/things/{number}/{name}")
    async def thing(number: int, name: str, request: Request) -> None:
        if number == 1:
            annotate(request.scope, tool="search", entities={"name": name})

    users = APIRouter(prefix="/users/{user}")

    @users.get("/things/{number}")
    async def things(user: str, number: int) -> None:
        assert (user, number) != ("nobody", 0)

    app.include_router(users)
    app.mount("/mounted", bare)
    return app


def litestar_app(url: str) -> Any:
    @post("/ask/{name:str}", status_code=200)
    async def ask(request: LitestarRequest[Any, Any, Any]) -> dict[str, Any]:
        annotate(request.scope, **SAID)
        return {"got": await request.json()}

    @get(["/things/{number:int}/{name:str}", "/users/{user:str}/things/{number:int}"])
    async def thing() -> None:
        return None

    @asgi("/mounted", is_mount=True, copy_scope=False)
    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await bare(scope, receive, send)

    return RequestLog(
        Litestar(route_handlers=[ask, thing, mounted]), nats_url=url, stop_seconds=40, exclude=["/health"]
    )


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


@pytest.mark.parametrize("make", [starlette_app, fastapi_app, litestar_app])
def test_requests_of_one_route_are_one_action(make: Callable[[str], Any], url: str) -> None:
    with serving_web(make(url)) as web:
        for path in ("/things/7/a", "/things/8/b%3Fc", "/users/9/things/3", "/mounted/9/deep", "/nowhere/9"):
            httpx.get(f"{web}{path}")
        httpx.get(f"{web}/ask/anna")

    actions = [line.get("action") for line in request_lines(url)]
    assert actions[:2] == ["GET /things/{number}/{name}"] * 2
    assert actions[2] in {"GET /users/{user}/things/{number}", "GET /users/{id}/things/{number}"}
    assert actions[3] in {"GET /mounted/{path}", None}
    assert actions[4] is None
    assert actions[5] in {"GET /ask/{name}", None}


def test_a_tool_that_was_named_stands_for_the_route(url: str) -> None:
    with serving_web(fastapi_app(url)) as web:
        httpx.get(f"{web}/things/1/a")

    [line] = request_lines(url)
    assert (line.get("action"), line["tool"]) == (None, "search")


def test_an_application_below_another_one_logs_its_routes_from_its_own_root(url: str) -> None:
    async def nested(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, "root_path": "/outer"}
        await starlette(scope, receive, send)

    starlette = starlette_app(url)
    with serving_web(nested) as web:
        httpx.get(f"{web}/outer/users/9/things/3")

    assert [line["action"] for line in request_lines(url)] == ["GET /users/{id}/things/{number}"]
