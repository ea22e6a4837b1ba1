"""A user of the server who may do nothing but log requests can do that, and one who may not is told so."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from callboard.request_log import RequestLog
from tests.support.log_lines import captured
from tests.support.nats_server import NatsServer
from tests.support.request_lines import request_lines
from tests.support.streams import make_streams, on_server
from tests.support.waiting import until
from tests.support.web import serving_web

CONFIG = """
jetstream { store_dir: "." }
authorization { users: [
  {user: all, password: pass}
  {user: web, password: pass, permissions: {publish: ["callboard.request"], subscribe: ["_INBOX.>"]}}
  {user: other, password: pass, permissions: {publish: ["other"], subscribe: ["_INBOX.>"]}}
] }
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    config = tmp_path / "test.conf"
    config.write_text(CONFIG, encoding="ascii")
    server = NatsServer(tmp_path / "store", config)
    on_server(url(server, "all"), make_streams)
    yield server
    server.kill()


def url(server: NatsServer, user: str) -> str:
    return server.url.replace("nats://", f"nats://{user}:pass@")


def test_the_rights_that_the_page_names_are_enough(server: NatsServer) -> None:
    log = RequestLog(Starlette(), nats_url=url(server, "web"))
    with serving_web(log) as web:
        for _ in range(3):
            assert httpx.get(web).status_code == 404
        until(lambda: log.counts.stored == 3, "the lines are stored")

    assert len(request_lines(url(server, "all"))) == 3


def test_a_right_that_is_missing_is_named_and_no_password_is(server: NatsServer) -> None:
    log = RequestLog(Starlette(), nats_url=url(server, "other"), stop_seconds=0.1)
    with captured() as lines, serving_web(log) as web:
        assert httpx.get(web).status_code == 404
        told = lines.wait("request_log.unavailable")

    assert told["error"] == "the server does not let this user publish to callboard.request"
    assert "pass" not in str(told)
