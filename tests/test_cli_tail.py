"""`callboard log tail` over what breaks a connection, on a server where nothing but the streams is."""

import signal
import subprocess

from tests.support.command_line import command, environment
from tests.support.nats_server import NatsServer
from tests.support.streams import make_streams, on_server, store_event


def test_no_event_is_missing_after_the_server_was_away(fresh_nats_server: NatsServer) -> None:
    url = fresh_nats_server.url
    on_server(url, make_streams)
    on_server(url, lambda connection: store_event(connection, "a", 1, "submitted", input="one"))
    tail = start("log", "tail", "--since-seq", "1", "--limit", "3", "--nats", url)
    assert tail.stdout is not None
    assert tail.stderr is not None
    first = tail.stdout.readline()

    fresh_nats_server.kill()
    fresh_nats_server.start()
    for version in (2, 3):
        on_server(url, lambda connection, n=version: store_event(connection, "a", n, "started"))  # type: ignore[misc]

    out, errors = tail.communicate(timeout=60)
    assert tail.returncode == 0
    assert [line.split()[3] for line in (first + out).splitlines()] == ["submitted", "started", "started"]
    assert "Traceback" not in errors


def test_following_one_task_shows_no_other(fresh_nats_server: NatsServer) -> None:
    url = fresh_nats_server.url
    on_server(url, make_streams)
    for task_id in ("a", "b", "a"):
        on_server(url, lambda connection, name=task_id: store_event(connection, name, 1, "submitted"))  # type: ignore[misc]
    tail = start("log", "tail", "--since-seq", "1", "--task", "b", "--nats", url)
    assert tail.stdout is not None
    first = tail.stdout.readline()

    tail.send_signal(signal.SIGINT)
    out, errors = tail.communicate(timeout=60)

    assert first.split()[1] == "b"
    assert (tail.returncode, out, errors) == (130, "", "")


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
