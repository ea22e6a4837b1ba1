"""`callboard task ls`: which tasks, and how they change."""

import os
import pty
import signal
import subprocess
import uuid
from datetime import UTC, datetime

import msgspec
import pytest

from tests.support.boards import board_for_module, run
from tests.support.command_line import callboard, command, environment
from tests.support.running import Running

board = board_for_module()


@pytest.fixture
def session() -> str:
    return uuid.uuid4().hex


def listed(board: Running, *arguments: str) -> list[str]:
    return [task["id"] for task in run(board, "task", "ls", *arguments, "--json").json["tasks"]]


def test_each_filter_leaves_out_what_it_does_not_match(board: Running, session: str) -> None:
    one, two = f"{session}-1", f"{session}-2"
    common = ("--session-id", session, "--wait")
    run(board, "submit", "echo", "--id", one, "--user-id", "u1", "--tenant-id", "t1", "--kind", "k1", *common)
    run(board, "submit", "break", "--id", two, "--user-id", "u2", "--tenant-id", "t2", "--parent-id", one, *common)

    assert listed(board, "--session-id", session) == [two, one]
    for filters, found in {
        ("--status", "failed"): [two],
        ("--agent", "echo"): [one],
        ("--user-id", "u1"): [one],
        ("--tenant-id", "t2"): [two],
        ("--kind", "k1"): [one],
        ("--parent-id", one): [two],
    }.items():
        assert listed(board, "--session-id", session, *filters) == found


def test_only_what_was_submitted_since(board: Running, session: str) -> None:
    run(board, "submit", "echo", "--id", f"{session}-1", "--session-id", session, "--wait")
    since = datetime.now(UTC).isoformat()
    run(board, "submit", "echo", "--id", f"{session}-2", "--session-id", session, "--wait")

    assert listed(board, "--session-id", session, "--since", since) == [f"{session}-2"]
    assert listed(board, "--session-id", session, "--since", "2100-01-01T00:00:00Z") == []
    page = run(board, "task", "ls", "--session-id", session, "--since", since, "--limit", "1", "--json").json
    assert page["next"] == f"{session}-2"
    page = run(board, "task", "ls", "--session-id", session, "--since", since, "--after", page["next"], "--json").json
    assert (page["tasks"], page["next"]) == ([], None)


def test_watching_prints_a_line_for_each_change(board: Running, session: str) -> None:
    watch = subprocess.Popen(
        command("task", "ls", "--watch", "--json", "--session-id", session, "--nats", board.url),
        stdout=subprocess.PIPE,
        env=environment(),
    )
    assert watch.stdout is not None
    assert msgspec.json.decode(watch.stdout.readline())["tasks"] == []

    run(board, "submit", "x", "--agent", "sleeper", "--id", session, "--session-id", session)
    while (tasks := msgspec.json.decode(watch.stdout.readline())["tasks"])[0]["status"] != "running":
        assert [task["id"] for task in tasks] == [session]
    run(board, "task", "cancel", session)
    assert msgspec.json.decode(watch.stdout.readline())["tasks"][0]["status"] == "cancelled"

    watch.send_signal(signal.SIGINT)
    watch.stdout.close()
    assert watch.wait(60) == 130


def test_on_a_terminal_a_table_is_drawn_anew(board: Running, session: str) -> None:
    reading, terminal = pty.openpty()
    watch = subprocess.Popen(
        command("task", "ls", "--watch", "--session-id", session, "--nats", board.url),
        stdout=terminal,
        stderr=terminal,
        env=environment({"TERM": "xterm", "COLUMNS": "200", "LINES": "40"}),
    )
    os.close(terminal)
    seen = read_until(reading, b"duration")
    assert session.encode() not in seen

    run(board, "submit", "x", "--agent", "sleeper", "--id", session, "--session-id", session)
    assert session.encode() in read_until(reading, b"running")

    watch.send_signal(signal.SIGINT)
    rest = read_until(reading, b"\x1b[?25h")  # the cursor is shown again
    assert b"Traceback" not in rest
    assert watch.wait(60) == 130
    os.close(reading)


def read_until(reading: int, text: bytes) -> bytes:
    found = b""
    while text not in found:
        found += os.read(reading, 65_536)
    return found


def test_watching_needs_a_terminal_or_a_program(board: Running) -> None:
    ran = run(board, "task", "ls", "--watch")

    assert ran.code == 2
    assert "--json" in ran.err


def test_no_server_is_told_at_once_also_when_watching() -> None:
    assert callboard("task", "ls", "--watch", "--json", "--nats", "nats://127.0.0.1:1").code == 3
