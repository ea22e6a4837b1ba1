"""Views are built anew while a callboard uses the old ones, and take their place without a pause in its work."""

import contextlib
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from callboard.config import Config
from callboard.events.errors import InvalidValueError
from callboard.projections.difference import first_difference
from callboard.rebuilding import Rebuilt, Wish, rebuild
from callboard.view_set import FILE
from tests.support.boards import board_for_module, run
from tests.support.command_line import Ran, callboard
from tests.support.running import Running
from tests.support.views import rows

board = board_for_module()


def command(board: Running, *arguments: str) -> Ran:
    return callboard("projections", "rebuild", *arguments, "--dir", str(board.directory))


def built(board: Running, **wish: Any) -> list[Rebuilt]:
    return rebuild(Config.build(directory=board.directory), Wish(**wish))


def differs(board: Running, name: str | None = None) -> bool:
    return any(each.difference is not None for each in built(board, name=name, verify=True))


def ended(board: Running, task_id: str) -> None:
    assert run(board, "submit", "hello", "--id", task_id, "--agent", "echo", "--wait").code == 0


def spoil(board: Running, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(board.directory / FILE, timeout=20)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def test_what_differs_is_found_and_put_right_beside_a_callboard_that_works(board: Running) -> None:
    ended(board, "spoilt")
    assert not differs(board)
    spoil(board, "UPDATE tasks SET status = 'failed' WHERE id = 'spoilt'")

    found = command(board, "--verify", "--json")
    assert found.code == 1
    difference, other = (each["difference"] for each in found.lines)
    assert other is None
    assert (difference["table"], difference["left"]["status"]) == ("tasks", "failed")
    assert "spoilt" in command(board, "--verify").err
    assert run(board, "task", "show", "spoilt", "--json").json["status"] == "failed"

    ran = command(board, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert run(board, "task", "show", "spoilt", "--json").json["status"] == "completed"
    assert not differs(board)
    ended(board, "after")
    assert not differs(board)
    assert not [file.name for file in board.directory.glob(f"{FILE}.*") if ".lock" not in file.name]


def test_one_projection_is_rebuilt_and_the_others_stay(board: Running) -> None:
    ended(board, "part")
    spoil(board, "UPDATE tasks SET status = 'failed' WHERE id = 'part'")
    spoil(board, "DELETE FROM agent_log WHERE task_id = 'part'")

    built(board, name="agent_log")

    assert rows(board.directory / FILE, "SELECT outcome FROM agent_log WHERE task_id = 'part'") == [("completed",)]
    assert not differs(board, "agent_log")
    assert differs(board, "tasks")
    built(board)
    assert not differs(board)


def test_views_of_an_earlier_moment_are_a_file_of_their_own(board: Running, tmp_path: Path) -> None:
    ended(board, "then")
    place = run(board, "log", "replay", "--task", "then", "--json").lines[2]
    for number, until in enumerate([place["seq"], datetime.fromisoformat(place["at"])]):
        out = tmp_path / f"{number}.sqlite3"
        built(board, until=until, out=out)
        [(position,)] = set(rows(out, "SELECT position FROM positions"))
        assert position >= place["seq"]
        assert rows(out, "SELECT status FROM tasks WHERE id = 'then'") in ([("assigned",)], [("running",)])
    assert not differs(board)


WISHES = {
    "no such projection": (
        {"name": "nothing"},
        "expected name to be one of tasks, agent_log, heartbeats, sessions, rules, patterns",
    ),
    "an end without a file": ({"until": 3}, "expected out with until"),
    "a file that is there": ({"out": Path(__file__)}, "expected out to be a new file"),
    "an end to compare with": ({"until": 3, "verify": True}, "expected until not with verify"),
    "a part of the request log": ({"name": "tasks", "requests": True}, "expected requests without name"),
}


@pytest.mark.parametrize(("wish", "told"), WISHES.values(), ids=WISHES.keys())
def test_a_wish_that_is_none_is_named(tmp_path: Path, wish: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidValueError, match=told):
        rebuild(Config.build(directory=tmp_path), Wish(**wish))


def test_a_wish_that_is_none_is_told_by_its_option() -> None:
    ran = callboard("projections", "rebuild", "--until", "soon")
    assert (ran.code, "expected --until to be a sequence from 1 on, or a time" in ran.err) == (2, True)


def test_views_are_the_same_after_a_rebuild_under_load_and_a_restart(tmp_path: Path) -> None:
    app = Path(__file__).parent / "data" / "cli_agents.py"
    board = Running(tmp_path / "board", "--port", "0", "--app", str(app))
    try:
        many = b"".join(b'{"input": "x", "agent": "echo"}\n' for _ in range(300))
        assert run(board, "submit", "--file", "-", stdin=many).code == 0
        for _ in range(3):
            built(board)
        ended(board, "last")
        assert not differs(board)
        assert board.stop() == 0
        built(board, out=tmp_path / "new")
        assert first_difference(board.directory / FILE, tmp_path / "new") is None
    finally:
        board.kill()
