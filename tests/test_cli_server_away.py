"""A server that goes away and comes back is told of, once, while commands and callboard itself wait for it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import command, environment
from tests.support.doomed import doomed
from tests.support.nats_server import NatsServer
from tests.support.streams import make_streams, on_server, store_event
from tests.support.waiting import until

WAITERS = {"submit": ["submit", "x", "--id", "a", "--wait"], "log tail": ["log", "tail", "--since-seq", "1"]}
SOME_RENEWALS_SECONDS = 3.5


@pytest.fixture
def server(fresh_nats_server: NatsServer) -> NatsServer:
    on_server(fresh_nats_server.url, make_streams)
    on_server(fresh_nats_server.url, lambda connection: store_event(connection, "a", 1, "submitted", input="one"))
    return fresh_nats_server


@pytest.fixture(params=list(WAITERS.values()), ids=list(WAITERS))
def waiter(request: pytest.FixtureRequest, server: NatsServer, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    with (tmp_path / "err").open("w") as errors, (tmp_path / "out").open("w") as out:
        words = command(*request.param, "--nats", server.url)
        process = subprocess.Popen(words, stdout=out, stderr=errors, text=True, env=environment())
    yield process
    process.kill()
    process.wait()


def test_who_waits_is_told_that_the_server_is_away_and_that_it_is_back(
    waiter: "subprocess.Popen[str]", server: NatsServer, tmp_path: Path
) -> None:
    told = tmp_path / "err"
    begun = told if "submit" in waiter.args else tmp_path / "out"  # type: ignore[operator]
    until(begun.read_text, "it waits")

    server.kill()
    until(lambda: f"waiting for {server.url}\n" in told.read_text(), "people are told")
    server.start()

    until(lambda: "connected again\n" in told.read_text(), "people are told")
    assert told.read_text().count("waiting for") == 1
    assert waiter.poll() is None


def failed(log: Path) -> set[str]:
    """Return the names of the projectors that told that they cannot read on."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    return {line["actor"] for line in lines if line["event"] == "projector.renewal_failed"}


def test_views_that_cannot_be_read_on_are_told_of_once_not_each_second(tmp_path: Path, server: NatsServer) -> None:
    log = tmp_path / "log"
    with doomed(tmp_path / "board", log, "--nats", server.url) as board:
        board.await_ready()
        server.kill()
        until(lambda: failed(log) >= {"projector", "requests"}, "it is told")

        assert board.outlives(SOME_RENEWALS_SECONDS)

        assert log.read_text().count("projector.renewal_failed") == 2
