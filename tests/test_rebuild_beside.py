"""Views are built anew while a callboard uses the old ones, and take their place without a pause in its work."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from callboard.projections.difference import first_difference
from callboard.view_set import FILE
from tests.support.boards import board_for_module, run
from tests.support.command_line import Ran, callboard
from tests.support.running import Running
from tests.support.views import rows

board = board_for_module()


def rebuild(board: Running, *arguments: str) -> Ran:
    return callboard("projections", "rebuild", *arguments, "--dir", str(board.directory))


def ended(board: Running, task_id: str) -> None:
    assert run(board, "submit", "hello", "--id", task_id, "--agent", "echo", "--wait").code == 0


def spoil(board: Running, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(board.directory / FILE, timeout=20)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def test_what_differs_is_found_and_put_right_beside_a_callboard_that_works(board: Running) -> None:
    ended(board, "spoilt")
    assert rebuild(board, "--verify").code == 0
    spoil(board, "UPDATE tasks SET status = 'failed' WHERE id = 'spoilt'")

    found = rebuild(board, "--verify", "--json")
    assert found.code == 1
    difference = found.json["difference"]
    assert (difference["table"], difference["left"]["status"]) == ("tasks", "failed")
    assert "spoilt" in rebuild(board, "--verify").err
    assert run(board, "task", "show", "spoilt", "--json").json["status"] == "failed"

    ran = rebuild(board, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert run(board, "task", "show", "spoilt", "--json").json["status"] == "completed"
    assert rebuild(board, "--verify").code == 0
    ended(board, "after")
    assert rebuild(board, "--verify").code == 0
    assert not [file.name for file in board.directory.glob(f"{FILE}.*") if ".lock" not in file.name]


def test_one_projection_is_rebuilt_and_the_others_stay(board: Running) -> None:
    ended(board, "part")
    spoil(board, "UPDATE tasks SET status = 'failed' WHERE id = 'part'")
    spoil(board, "DELETE FROM agent_log WHERE task_id = 'part'")

    assert rebuild(board, "agent_log").code == 0

    assert rows(board.directory / FILE, "SELECT outcome FROM agent_log WHERE task_id = 'part'") == [("completed",)]
    assert rebuild(board, "agent_log", "--verify").code == 0
    assert rebuild(board, "tasks", "--verify").code == 1
    assert rebuild(board).code == 0


def test_views_of_an_earlier_moment_are_a_file_of_their_own(board: Running, tmp_path: Path) -> None:
    ended(board, "then")
    place = run(board, "log", "replay", "--task", "then", "--json").lines[2]
    for number, until in enumerate([str(place["seq"]), place["at"]]):
        out = tmp_path / f"{number}.sqlite3"
        assert rebuild(board, "--until", until, "--out", str(out)).code == 0
        [(position,)] = set(rows(out, "SELECT position FROM positions"))
        assert position >= place["seq"]
        assert rows(out, "SELECT status FROM tasks WHERE id = 'then'") in ([("assigned",)], [("running",)])
    assert rebuild(board, "--verify").code == 0


MISTAKES = {
    "no such projection": (["nothing"], "expected --name to be one of tasks, agent_log, heartbeats"),
    "an end without a file": (["--until", "3"], "expected --out with until"),
    "a file that is there": (["--out", __file__], "expected --out to be a new file"),
    "an end to compare with": (["--until", "3", "--verify"], "expected --until not with verify"),
    "no place at all": (["--until", "soon"], "expected --until to be a sequence from 1 on, or a time"),
}


@pytest.mark.parametrize(("arguments", "told"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_wish_that_is_none_is_named(board: Running, arguments: list[str], told: str) -> None:
    ran = rebuild(board, *arguments)
    assert ran.code == 2
    assert told in ran.err


def test_views_are_the_same_after_a_rebuild_under_load_and_a_restart(tmp_path: Path) -> None:
    app = Path(__file__).parent / "data" / "cli_agents.py"
    board = Running(tmp_path / "board", "--port", "0", "--app", str(app))
    try:
        many = b"".join(b'{"input": "x", "agent": "echo"}\n' for _ in range(300))
        assert run(board, "submit", "--file", "-", stdin=many).code == 0
        for _ in range(2):
            assert rebuild(board).code == 0
        ended(board, "last")
        assert rebuild(board, "--verify").code == 0
        assert board.stop() == 0
        assert callboard("projections", "rebuild", "--dir", str(board.directory), "--out", str(tmp_path / "new")).code == 0
        assert first_difference(board.directory / FILE, tmp_path / "new") is None
    finally:
        board.kill()
