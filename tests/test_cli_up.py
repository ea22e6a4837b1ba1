"""`callboard up`, from its ready line to the signal that ends it, and the commands around a long-running process."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.boards import CLI_AGENTS, board_for_test
from tests.support.command_line import callboard, command, environment
from tests.support.nats_server import NatsServer
from tests.support.running import Running

board = board_for_test()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_ready_alone_on_a_line_and_ends_with_0_at_a_signal(board: Running, number: int) -> None:
    assert callboard("stats", "--nats", board.url).code == 0
    assert board.directory.stat().st_mode & 0o777 == 0o700, "it is for its owner alone"

    board.process.send_signal(number)

    assert board.process.wait(30) == 0
    assert board.rest() == ""
    assert "Traceback" not in board.log


def test_what_was_submitted_before_it_started_is_done(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    arguments = (tmp_path / "data", "--nats", fresh_nats_server.url, "--app", str(CLI_AGENTS))
    first = Running(*arguments)
    assert first.url == fresh_nats_server.url
    assert first.stop() == 0
    queued = callboard("submit", "echo later", "--id", "a", "--json", "--nats", fresh_nats_server.url)
    assert queued.json["queued"] is True

    second = Running(*arguments)
    ran = callboard("submit", "echo later", "--id", "a", "--wait", "--json", "--nats", fresh_nats_server.url)

    assert ran.json["output"] == {"echo": "echo later"}
    assert second.stop() == 0


def test_a_specialist_without_an_app_beside_a_projector_runs_the_cleanup(tmp_path: Path) -> None:
    board = Running(tmp_path / "data", "--port", "0", "--roles", "orchestrator,projector,specialist")

    assert callboard("cleanup", "--older-than", "30d", "--nats", board.url).code == 0
    assert board.stop() == 0


def test_views_are_rebuilt_when_it_is_stopped(board: Running) -> None:
    for number in range(3):
        callboard("submit", "echo", "--id", f"t{number}", "--wait", "--nats", board.url)
    before = callboard("task", "ls", "--json", "--nats", board.url).json
    directory = str(board.directory)

    assert board.stop() == 0
    rebuilt = callboard("projections", "rebuild", "--dir", directory, "--json")

    assert rebuilt.code == 0
    assert [(each["file"], each["events"]) for each in rebuilt.lines] == [
        ("views.sqlite3", before["as_of_seq"]),
        ("requests.sqlite3", 0),
    ]
    again = Running(board.directory, "--port", "0")
    assert callboard("task", "ls", "--json", "--nats", again.url).json == before
    assert again.stop() == 0


def test_the_tail_of_the_log_is_followed_until_ctrl_c(board: Running) -> None:
    tail = start("log", "tail", "--since-seq", "1", "--json", "--nats", board.url)
    callboard("submit", "echo", "--id", "a", "--wait", "--nats", board.url)

    lines = [tail.stdout.readline() for _ in range(6)]  # type: ignore[union-attr]
    tail.send_signal(signal.SIGINT)
    _, errors = tail.communicate(timeout=30)

    assert '"event":"submitted"' in lines[0]
    assert '"event":"completed"' in lines[5]
    assert tail.returncode == 130
    assert errors == ""


def test_ctrl_c_while_waiting_for_a_task_exits_with_130(board: Running) -> None:
    waiting = start("submit", "x", "--agent", "sleeper", "--id", "a", "--wait", "--nats", board.url)
    callboard("log", "tail", "--since-seq", "1", "--task", "a", "--limit", "1", "--nats", board.url)

    waiting.send_signal(signal.SIGINT)
    out, errors = waiting.communicate(timeout=30)

    assert (waiting.returncode, out, errors) == (130, "", "")


def test_a_reader_that_goes_away_is_no_error(board: Running) -> None:
    for _ in range(3):
        callboard("submit", "echo", "--wait", "--nats", board.url)
    replay = start("log", "replay", "--nats", board.url)
    assert replay.stdout is not None
    replay.stdout.close()

    assert replay.stderr is not None
    errors = replay.stderr.read()
    replay.stderr.close()

    assert replay.wait(30) in (0, 141)
    assert errors == ""


MISTAKES = {
    "no such file": (["--app", "nowhere.py"], 1, "nowhere.py"),
    "a directory": (["--app", "."], 1, "expected --app to be a Python file or a module, such as my_agents.py"),
    "no agents in it": (["--app", str(Path(__file__))], 1, "no agents"),
    "port out of range": (["--port", "70000"], 2, "expected --port to be 0-65535"),
    "grace below zero": (["--grace", "-1"], 2, "expected --grace to be"),
    "port with a server of one's own": (
        ["--nats", "nats://127.0.0.1:1", "--port", "1"],
        2,
        "expected --port only without --nats",
    ),
    "not a URL": (["--nats", "ftp://x"], 2, "--nats: expected a NATS URL"),
    "no server there": (["--nats", "nats://127.0.0.1:1"], 3, "127.0.0.1:1"),
    "a user without a password": (["--user", "a"], 2, "expected --user and --password together"),
    "copies of its own server": (["--replicas", "3"], 2, "expected --replicas above 1 only with --nats"),
    "no place for secrets": (["--port", "0", "--secrets-dir", "/no"], 2, "expected --secrets-dir to be a directory"),
    "a specialist without agents": (["--roles", "specialist"], 2, "expected --app for the role specialist"),
    "one agent of no app": (["--roles", "delivery,specialist:a"], 2, "expected --app for the role specialist"),
    "no agents but one switched off": (["--roles", "projector,specialist", "--no-cleanup"], 2, "expected --app for"),
    "not a level": (["--log-level", "loud"], 2, "loud"),
}


@pytest.mark.parametrize(("arguments", "code", "told"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_and_nothing_is_started(arguments: list[str], code: int, told: str, tmp_path: Path) -> None:
    ran = callboard("up", "--dir", str(tmp_path / "data"), *arguments)

    assert ran.code == code
    assert told in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_a_directory_in_use_is_told(board: Running) -> None:
    ran = callboard("up", "--dir", str(board.directory), "--port", "0")

    assert ran.code == 1
    assert str(board.directory) in ran.err


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
