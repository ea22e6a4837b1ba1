"""Whom a request came from: told by the application, or by a token that was verified, or nobody."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from callboard.events.errors import InvalidValueError
from callboard.request_log import JwtUser, RequestLog
from tests.support.fresh_server import left_server
from tests.support.log_lines import captured
from tests.support.request_lines import request_lines
from tests.support.web import serving_web

url = pytest.fixture(left_server)
KEY = "a key that is long enough for everybody"
CLAIMS = {"sub": "u-1", "exp": 4_000_000_000}
GOOD = jwt.encode(CLAIMS, KEY, "HS256")
REFUSED: dict[str, str] = {
    "signed by another": jwt.encode(CLAIMS, KEY[::-1], "HS256"),
    "expired": jwt.encode({**CLAIMS, "exp": int(time.time()) - 5}, KEY, "HS256"),
    "not valid yet": jwt.encode({**CLAIMS, "nbf": 3_999_999_999}, KEY, "HS256"),
    "without an end": jwt.encode({"sub": "u-1"}, KEY, "HS256"),
    "without the claim": jwt.encode({"exp": CLAIMS["exp"]}, KEY, "HS256"),
    "not signed": jwt.encode(CLAIMS, None, "none"),
    "by another algorithm": jwt.encode(CLAIMS, KEY * 2, "HS512"),
    "changed": GOOD[:-2],
    "no text for a user": jwt.encode({**CLAIMS, "sub": "a\nb"}, KEY, "HS256"),
    "no token": "x",
}


async def hello(_request: Any) -> PlainTextResponse:
    return PlainTextResponse("hello")


def app(url: str, **settings: Any) -> RequestLog:
    return RequestLog(Starlette(routes=[Route("/", hello)]), nats_url=url, stop_seconds=40, **settings)


def test_the_user_of_a_token_is_believed_when_all_of_it_is_right(url: str) -> None:
    log = app(url, jwt=JwtUser(KEY, ["HS256"]))
    with captured() as lines, serving_web(log) as web, httpx.Client(base_url=web) as client:
        for token in (GOOD, *REFUSED.values()):
            assert client.get("/", headers={"Authorization": f"Bearer {token}"}).text == "hello"
        assert client.get("/").text == "hello"
        assert client.get("/", headers={"Authorization": "Basic eDp5"}).text == "hello"

    assert [line["user_id"] for line in request_lines(url)] == ["u-1"] + [None] * (len(REFUSED) + 2)
    assert log.counts.users_unknown == len(REFUSED)
    assert sum(line["count"] for line in lines.named("request_log.user_unknown")) == len(REFUSED)


@pytest.mark.parametrize(
    ("user_of", "user", "unknown"),
    [
        (lambda scope: scope["path"] + "anna", "/anna", 0),
        (lambda _scope: 42, "42", 0),
        (lambda _scope: None, None, 0),
        (lambda scope: scope["user"], None, 1),
        (lambda _scope: "x" * 300, None, 1),
    ],
)
def test_the_application_says_who_it_was(
    url: str, user_of: Callable[[Any], Any], user: str | None, unknown: int
) -> None:
    log = app(url, user_id=user_of)
    with serving_web(log) as web:
        assert httpx.get(web).text == "hello"

    [line] = request_lines(url)
    assert (line["user_id"], log.counts.users_unknown) == (user, unknown)


@pytest.mark.parametrize("algorithms", ["HS256", [], ["none"], ["HS256", "None"], ["HS1"]])
def test_algorithms_that_verify_nothing_are_refused(algorithms: Any) -> None:
    with pytest.raises(InvalidValueError, match="expected algorithms"):
        JwtUser(KEY, algorithms)


def test_audience_and_issuer_have_to_be_right() -> None:
    token = jwt.encode({**CLAIMS, "aud": "web", "iss": "us", "name": "Anna"}, KEY, "HS256")
    assert JwtUser(KEY, ["HS256"], "name", audience="web", issuer="us").user(f"bearer {token}") == "Anna"
    for checks in ({"audience": "app"}, {"audience": "web", "issuer": "them"}, {}):
        with pytest.raises(Exception, match="Invalid"):
            JwtUser(KEY, ["HS256"], **checks).user(f"Bearer {token}")  # type: ignore[arg-type]


def test_two_ways_to_know_the_user_are_one_too_many() -> None:
    with pytest.raises(InvalidValueError, match="expected one of user_id and jwt"):
        app("nats://127.0.0.1:4222", jwt=JwtUser(KEY, ["HS256"]), user_id=lambda _scope: "u")
