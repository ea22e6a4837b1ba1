"""A new life for tasks that ended badly: by id, and all of them at once."""

import os
import pty
import subprocess
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callboard.client import Client
from callboard.errors import ConflictError, NotFoundError
from tests.support.boards import board_for_module, run
from tests.support.command_line import callboard, command, environment
from tests.support.nats_server import NatsServer
from tests.support.running import Running
from tests.support.streams import commands, make_streams, on_server

APP = Path(__file__).parent / "data" / "cli_flaky.py"

board = board_for_module(APP)


@pytest.fixture
def fixed(tmp_path: Path) -> Path:
    """What the flaky agents look for; not there yet."""
    return tmp_path / "fixed"


def failed(board: Running, path: Path, agent: str = "flaky") -> str:
    task_id = uuid.uuid4().hex
    assert run(board, "submit", str(path), "--id", task_id, "--agent", agent, "--wait").code == 1
    return task_id


def status(board: Running, task_id: str) -> str:
    """Return how a task ended."""
    return str(run(board, "submit", "x", "--id", task_id, "--wait-seconds", "30", "--json").json["status"])


def test_a_failed_task_has_a_new_life(board: Running, fixed: Path) -> None:
    task_id = failed(board, fixed)
    fixed.touch()

    ran = run(board, "task", "retry", task_id)

    assert (ran.code, ran.out, ran.err) == (0, f"retried {task_id}\n", "")
    assert status(board, task_id) == "completed"


def test_each_of_several_is_told(board: Running, fixed: Path) -> None:
    first, second = failed(board, fixed), failed(board, fixed)
    fixed.touch()
    run(board, "submit", str(fixed), "--id", (done := uuid.uuid4().hex), "--wait")

    ran = run(board, "task", "retry", first, done, second, "nowhere", "--json")

    assert ran.code == 1
    assert [receipt["id"] for receipt in ran.json["retried"]] == [first, second]
    assert [refused["id"] for refused in ran.json["refused"]] == [done, "nowhere"]
    assert "completed" in ran.json["refused"][0]["error"]


def test_all_that_failed_at_an_agent_since_a_time(board: Running, fixed: Path) -> None:
    before, elsewhere = failed(board, fixed, "other"), failed(board, fixed)
    since = datetime.now(UTC)
    wanted = [failed(board, fixed, "other") for _ in range(3)]
    fixed.touch()

    ran = run(
        board, "task", "retry", "--all-failed", "--agent", "other", "--since", since.isoformat(), "--yes", "--json"
    )

    assert ran.code == 0
    assert [receipt["id"] for receipt in ran.json["retried"]] == wanted
    assert {status(board, task_id) for task_id in wanted} == {"completed"}
    assert {status(board, task_id) for task_id in (before, elsewhere)} == {"failed"}


def test_none_that_failed_are_no_error(board: Running) -> None:
    ran = run(board, "task", "retry", "--all-failed", "--since", "2100-01-01T00:00:00Z", "--json")

    assert (ran.code, ran.json) == (0, {"retried": [], "refused": []})


def test_without_a_terminal_to_ask_on_nothing_is_retried(board: Running, fixed: Path) -> None:
    task_id = failed(board, fixed)

    ran = run(board, "task", "retry", "--all-failed")

    assert ran.code == 2
    assert "--yes" in ran.err
    assert status(board, task_id) == "failed"


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"y\n", 0)])
def test_on_a_terminal_people_are_asked(board: Running, fixed: Path, answer: bytes, code: int) -> None:
    failed(board, fixed)
    ours, theirs = pty.openpty()
    os.write(ours, answer)

    ran = subprocess.run(
        command("task", "retry", "--all-failed", "--nats", board.url),
        stdin=theirs,
        capture_output=True,
        env=environment(),
        timeout=60,
        check=False,
    )

    os.close(ours)
    os.close(theirs)
    assert ran.returncode == code
    assert b"failed tasks? [y/N]" in ran.stderr
    assert (b"retried" in ran.stdout) is (code == 0)


@pytest.mark.parametrize("arguments", [[], ["a", "--all-failed"], ["a", "--agent", "b"], ["no such id"]])
def test_what_makes_no_sense_exits_with_2(arguments: list[str]) -> None:
    assert callboard("task", "retry", *arguments).code == 2


async def test_the_client_says_why_it_cannot_be(board: Running) -> None:
    async with Client(board.url) as client:
        done = await client.submit_and_wait(str(APP), agent="flaky")
        with pytest.raises(ConflictError, match="it is completed"):
            await client.retry(done.id)
        with pytest.raises(NotFoundError):
            await client.retry("nowhere")


def test_while_nothing_runs_a_retry_is_kept(fresh_nats_server: NatsServer) -> None:
    url = fresh_nats_server.url
    on_server(url, make_streams)

    ran = callboard("task", "retry", "a", "--nats", url)

    assert (ran.code, ran.out) == (0, "retried a\n")
    assert "nothing is running" in ran.err
    (message,) = on_server(url, commands)
    assert (message.subject, message.data) == ("callboard.retry.a", b"{}")
