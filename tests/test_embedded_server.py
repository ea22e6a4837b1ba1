"""The embedded nats-server: starts, stops, and says why when it cannot."""

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import nats
import pytest

from callboard.errors import DirectoryInUseError, ServerStartError
from callboard.server import CONFIG, LOG_NAME, Server, find_binary
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.processes import alive
from tests.support.source import ROOT


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "board")


async def publish(url: str) -> int:
    connection = await nats.connect(url)
    try:
        js = connection.jetstream()
        await js.add_stream(name="KEPT", subjects=["kept"])
        await js.publish("kept", b"x")
        return (await js.stream_info("KEPT")).state.messages
    finally:
        await connection.close()


def test_it_takes_messages_as_soon_as_start_returns(server: Server) -> None:
    url = server.start()
    try:
        assert url.startswith("nats://127.0.0.1:")
        assert asyncio.run(publish(url)) == 1
    finally:
        server.stop()


def test_everything_it_stores_lies_under_its_directory(server: Server) -> None:
    asyncio.run(publish(server.start()))
    server.stop()
    assert {path.name for path in server.directory.iterdir()} == {"jetstream", "lock", LOG_NAME}


def test_what_it_stored_is_there_after_a_restart_and_after_a_kill(server: Server) -> None:
    for count, end in enumerate((server.stop, server.kill, server.stop), start=1):
        assert asyncio.run(publish(server.start())) == count
        end()


def test_stopping_ends_in_order_and_frees_the_directory(server: Server) -> None:
    server.start()
    server.stop()
    assert server.wait(0) == 0
    assert not server.running
    other = Server(server.directory)
    other.start()
    other.stop()


def test_it_may_be_stopped_before_it_was_started_and_twice(server: Server) -> None:
    server.stop()
    server.start()
    server.stop()
    server.stop()
    assert server.wait(0) == 0


def test_starting_it_twice_is_starting_it_once(server: Server) -> None:
    url, pid = server.start(), server.pid
    assert (server.start(), server.pid) == (url, pid)
    server.stop()


def test_a_suspended_server_is_stopped_in_order(server: Server) -> None:
    server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    server.stop()
    assert server.wait(0) == 0
    assert not alive(server.pid)


def test_its_end_is_seen(server: Server) -> None:
    server.start()
    assert server.pid is not None
    assert server.wait(0) is None
    os.kill(server.pid, signal.SIGKILL)
    assert server.wait(20) == -signal.SIGKILL
    assert not server.running
    server.stop()


def test_two_on_one_directory_are_refused(server: Server) -> None:
    server.start()
    with pytest.raises(DirectoryInUseError, match=str(server.directory)):
        Server(server.directory).start()
    server.stop()


def test_a_port_that_is_taken_is_told_with_the_last_log_lines(server: Server, nats_server: NatsServer) -> None:
    port = int(nats_server.url.rsplit(":", 1)[1])
    taken = Server(server.directory, port)
    with pytest.raises(ServerStartError, match="address already in use") as caught:
        taken.start()
    assert f"expected port {port} to be free" in str(caught.value)
    assert str(server.directory / LOG_NAME) in str(caught.value)
    assert "[INF]" not in str(caught.value)
    assert not taken.running
    assert server.start()
    server.stop()


def test_a_fixed_port_is_used(tmp_path: Path) -> None:
    port = free_port()
    fixed = Server(tmp_path, port)
    assert fixed.start() == f"nats://127.0.0.1:{port}"
    fixed.stop()


def test_a_broken_configuration_is_told_with_the_last_log_lines(tmp_path: Path) -> None:
    config = tmp_path / "broken.conf"
    config.write_text("jetstream { sync_interval: whenever }", encoding="ascii")
    with pytest.raises(ServerStartError, match="whenever"):
        Server(tmp_path / "board", config=config).start()


def test_a_binary_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServerStartError, match="no-such-server"):
        Server(tmp_path, binary=tmp_path / "no-such-server").start()


def test_a_binary_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    lazy = tmp_path / "lazy"
    lazy.write_text("#!/bin/sh\necho not today\nexec cat /dev/zero > /dev/null\n", encoding="ascii")
    lazy.chmod(stat.S_IRWXU)
    with pytest.raises(ServerStartError, match="not today"):
        Server(tmp_path / "board", binary=lazy).start(timeout=0.5)


def test_the_server_of_this_environment_comes_first() -> None:
    assert find_binary().parent == Path(sys.executable).parent


def test_the_file_at_the_root_is_the_shipped_one() -> None:
    assert (ROOT / "nats.conf").is_symlink()
    assert not (ROOT / "nats.conf").readlink().is_absolute()
    assert (ROOT / "nats.conf").resolve() == CONFIG
