"""The counts of the request log are built anew like all views, beside those in use; none is lost for want of lines."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from callboard.projections.errors import ViewsCorruptError
from callboard.view_set import FILE as VIEWS
from callboard.views_file import REQUEST_VIEWS
from tests.support.boards import board_for_test, run
from tests.support.command_line import Ran, callboard
from tests.support.counted_lines import line, request_views
from tests.support.request_board import asked, publish, purge
from tests.support.running import Running

FILE = REQUEST_VIEWS.file
board = board_for_test()


def rebuild(board: Running, *arguments: str) -> Ran:
    return callboard("projections", "rebuild", *arguments, "--dir", str(board.directory))


def spoil(board: Running) -> None:
    """Count the last user's name wrong, and one task."""
    for file, statement in (
        (FILE, "UPDATE totals SET count = 99 WHERE span = 0"),
        (VIEWS, "UPDATE tasks SET status = 'failed'"),
    ):
        with contextlib.closing(sqlite3.connect(board.directory / file, timeout=20)) as connection, connection:
            assert connection.execute(statement).rowcount > 0


def test_both_files_are_compared_and_put_right_beside_a_callboard_that_works(board: Running) -> None:
    lines = [line(f"user-{number % 7}", intent=f"i{number % 3}", entities={"n": number}) for number in range(300)]
    last = publish(board, *lines, b"no line")
    assert asked(board, min_seq=last).requests == 300
    assert run(board, "submit", "hello", "--id", "one", "--agent", "echo", "--wait").code == 0
    assert [each["difference"] for each in rebuild(board, "--verify", "--json").lines] == [None, None]
    spoil(board)

    differing = rebuild(board, "--verify", "--json")
    assert (differing.code, [each["difference"]["table"] for each in differing.lines]) == (1, ["tasks", "totals"])
    done = rebuild(board)
    assert (done.code, done.err) == (0, "")
    assert "counts of the request log rebuilt from 301 events" in done.out

    assert rebuild(board, "--verify").code == 0
    assert asked(board, min_seq=publish(board, line())).requests == 301
    assert not [each.name for each in board.directory.glob("*.re*") if ".lock" not in each.name]


@pytest.mark.parametrize("words", [["--requests"], ["patterns"]])
def test_one_file_alone_is_put_right_when_it_is_named(board: Running, words: list[str]) -> None:
    asked(board, min_seq=publish(board, line()))
    assert run(board, "submit", "hello", "--id", "one", "--agent", "echo", "--wait").code == 0
    assert board.stop() == 0
    spoil(board)
    assert [each["file"] for each in rebuild(board, *words, "--json").lines] == [FILE]
    left = rebuild(board, "--verify", "--json").lines
    assert [each["difference"] is None for each in left] == [False, True]


def test_counts_of_lines_that_the_log_forgot_stay_until_they_are_named(board: Running) -> None:
    asked(board, min_seq=publish(board, line(), line()))
    purge(board)
    kept = rebuild(board)
    assert kept.code == 0
    assert "counts of the request log left as they are (--requests counts what is left)" in kept.err
    assert "not compared: they may count some of the 2 lines" in rebuild(board, "--verify").err
    assert asked(board, min_seq=publish(board, line("bob"))).requests == 3

    purge(board)  # so that there is nothing where the counts in use stand
    named = rebuild(board, "--requests", "--json")
    assert (named.code, named.json["events"], named.err) == (0, 0, "")
    assert [each.user_id for each in asked(board, min_seq=publish(board, line("cem"))).users] == ["cem"]
    assert rebuild(board, "--requests", "--json").json["events"] == 1


def test_a_file_that_is_no_views_is_refused_with_the_command_that_builds_it_anew(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"not a database, and long enough to be told from an empty one" * 100)
    with pytest.raises(ViewsCorruptError, match="callboard projections rebuild --requests"):
        request_views(path)
