"""The shipped nats.conf on a running server: what it lets in, what it bounds, and that it is fsynced."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import nats
import pytest

from callboard.server import CONFIG, server_info
from tests.support.nats_server import NatsServer

TEXT = CONFIG.read_text(encoding="ascii")
LISTEN = "0A"


def port_of(server: NatsServer) -> int:
    return int(server.url.rsplit(":", 1)[1])


def listening(pid: int) -> Iterator[tuple[str, int]]:
    """Yield address and port of every TCP socket the process listens on."""
    inodes = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN and f"socket:[{fields[9]}]" in inodes:
                address, port = fields[1].split(":")
                yield address, int(port, 16)


def test_it_listens_on_one_port_of_the_loopback_and_nowhere_else(nats_server: NatsServer) -> None:
    loopback = socket.inet_aton("127.0.0.1")[::-1].hex().upper()
    assert list(listening(nats_server.pid)) == [(loopback, port_of(nats_server))]


def test_what_it_says_of_itself(nats_server: NatsServer) -> None:
    info = server_info(port_of(nats_server))
    assert info["max_payload"] == 2 * 1024 * 1024
    assert info["jetstream"] is True
    assert "auth_required" not in info
    assert "ws_connect_urls" not in info


async def test_its_store_is_bounded(nats_server: NatsServer) -> None:
    connection = await nats.connect(nats_server.url)
    huge = msgspec.json.encode({"name": "HUGE", "subjects": ["huge"], "max_bytes": 1 << 50})
    answer: dict[str, Any] = msgspec.json.decode((await connection.request("$JS.API.STREAM.CREATE.HUGE", huge)).data)
    assert "insufficient storage" in answer["error"]["description"]
    await connection.close()


def test_a_protocol_line_is_bounded(nats_server: NatsServer) -> None:
    with socket.create_connection(("127.0.0.1", port_of(nats_server)), 5) as connection:
        connection.sendall(b"PUB " + b"x" * 5000 + b" 0\r\n\r\n")
        with connection.makefile("rb") as lines:
            assert b"maximum control line exceeded" in b"".join(lines).lower()


@pytest.mark.parametrize(
    "setting",
    ["sync_interval: always", "host: 127.0.0.1", "max_connections:", "max_pending:", "max_file_store:", "max_payload:"],
)
def test_what_must_stand_in_it(setting: str) -> None:
    assert setting in TEXT


@pytest.mark.parametrize("block", ["websocket", "mqtt", "leafnodes", "gateway", "cluster", "http", "http_port"])
def test_what_must_not_stand_in_it(block: str) -> None:
    names = [line.split()[0].rstrip(":") for line in TEXT.splitlines() if line.strip() and "#" not in line]
    assert block not in names


def test_every_setting_has_its_reason_above_it() -> None:
    """A group of settings without an empty line in it begins with a comment."""
    groups = [group.strip() for group in TEXT.replace("jetstream {", "\n").replace("}", "").split("\n\n")]
    assert [group for group in groups if group and not group.startswith("#")] == []
