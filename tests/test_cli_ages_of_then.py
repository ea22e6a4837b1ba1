"""How long ago something was is counted from the moment that is asked about."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.boards import run
from tests.support.nats_server import NatsServer
from tests.support.running import Running
from tests.support.streams import make_streams, on_server, store_event

SUBMITTED = {"one": 1, "two": 58}
"""When, in seconds from the first moment of 2026 on."""


ROUTE: dict[str, Any] = {"agent": "echo", "confidence": 1.0, "method": "explicit", "reason": "named"}
EVENTS: list[tuple[str, dict[str, Any]]] = [("submitted", {"input": "x", "priority": "normal"}), ("routed", ROUTE)]


@pytest.fixture(scope="module")
def board(nats_server: NatsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Views of a log that ends long ago, with four events."""
    on_server(nats_server.url, make_streams)
    for name, second in SUBMITTED.items():
        for number, (event, body) in enumerate(EVENTS):
            on_server(nats_server.url, lambda connection: store_event(connection, name, second + number, event, **body))  # noqa: B023 -- called at once
    running = Running(tmp_path_factory.mktemp("board"), "--nats", nats_server.url, "--roles", "projector")
    yield running
    running.kill()


@pytest.mark.parametrize("as_of", ["4", "2026-01-01T00:00:59Z"])
@pytest.mark.parametrize(("window", "total"), [("2m", 2), ("30s", 1)])
def test_ages_count_back_from_the_moment_asked_about(board: Running, as_of: str, window: str, total: int) -> None:
    ran = run(board, "stats", "--as-of", as_of, "--since", window, "--json")

    assert ran.json["total"] == total


def test_the_end_of_a_window_counts_back_too(board: Running) -> None:
    assert run(board, "stats", "--as-of", "4", "--since", "2m", "--until", "30s", "--json").json["total"] == 1
    over_time = run(board, "stats", "--as-of", "4", "--since", "2m", "--by", "agent", "--json").json
    assert (over_time["total"]["submitted"], over_time["until"]) == (2, "2026-01-01T00:00:59Z")
    assert run(board, "stats", "--since", "2m", "--json").json["total"] == 0
