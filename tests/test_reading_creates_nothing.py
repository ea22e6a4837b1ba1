"""Commands that only read a log leave a server, and a directory, that has none as they were."""

from pathlib import Path

import pytest
from nats.aio.client import Client

from tests.support.boards import board_for_module, run
from tests.support.command_line import callboard
from tests.support.nats_server import NatsServer
from tests.support.running import Running
from tests.support.streams import make_streams, on_server

APP = Path(__file__).parent / "data" / "cli_agents.py"
board = board_for_module()

READING = {
    "rebuild": ["projections", "rebuild"],
    "check": ["check"],
    "backtest": ["backtest", "--app", str(APP)],
    "replay": ["log", "replay"],
    "export": ["log", "export", "OUT"],
}


async def streams(connection: Client) -> int:
    return len(await connection.jetstream().streams_info())


@pytest.mark.parametrize("verb", READING.values(), ids=READING.keys())
def test_a_server_without_a_log_is_told_and_left_alone(
    nats_server: NatsServer, tmp_path: Path, verb: list[str]
) -> None:
    arguments = [word.replace("OUT", str(tmp_path / "out")) for word in verb]
    place = [] if verb[0] == "log" else ["--dir", str(tmp_path / "board")]

    ran = callboard(*arguments, "--nats", nats_server.url, *place)

    assert (ran.code, ran.out) == (3, "")
    assert "no callboard answers stream CALLBOARD_EVENTS" in ran.err
    assert on_server(nats_server.url, streams) == 0
    assert list(tmp_path.iterdir()) == []


def test_views_are_not_compared_with_another_log(board: Running, fresh_nats_server: NatsServer) -> None:
    assert run(board, "submit", "x", "--id", "a", "--wait").code == 0
    verify = ("projections", "rebuild", "--verify", "--dir", str(board.directory))
    assert callboard(*verify).code == 0

    empty = callboard(*verify, "--nats", fresh_nats_server.url)
    assert (empty.code, on_server(fresh_nats_server.url, streams)) == (3, 0)

    on_server(fresh_nats_server.url, make_streams)
    other = callboard(*verify, "--nats", fresh_nats_server.url)
    assert (other.code, other.out) == (1, "")
    assert "do not belong to this event log: its stream was created at" in other.err
