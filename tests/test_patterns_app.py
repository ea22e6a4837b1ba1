"""Patterns of a callboard that runs: lines are published, asked about by client and command line, and kept for ever."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.support.boards import CLI_AGENTS
from tests.support.command_line import Ran, callboard
from tests.support.counted_lines import line
from tests.support.request_board import asked, publish, purge
from tests.support.running import Running


@contextlib.contextmanager
def up(directory: Path) -> Iterator[Running]:
    running = Running(directory, "--port", "0", "--app", str(CLI_AGENTS))
    try:
        yield running
        assert running.stop() == 0
    finally:
        running.kill()


def run(board: Running, *arguments: str) -> Ran:
    return callboard("patterns", *arguments, "--nats", board.url)


def test_lines_and_tasks_are_asked_about_by_client_and_command_line(tmp_path: Path) -> None:
    with up(tmp_path / "board") as board:
        lines = [line(), line(status=500), line("bob", intent="travel", entities={"city": "Bern"}), b"no line"]
        last = publish(board, *lines)
        task = callboard("submit", "hello", "--user-id", "ada", "--wait", "--nats", board.url)
        assert task.code == 0, task.err

        everybody = asked(board, min_seq=last)
        assert (everybody.requests, everybody.malformed, everybody.as_of_seq) == (3, 1, 4)
        assert [(each.user_id, each.count) for each in everybody.users] == [("ada", 2), ("bob", 1)]
        ada = asked(board, user_id="ada", since=datetime(2020, 1, 1, tzinfo=UTC), timezone="Asia/Tokyo")
        assert [(each.action, each.count, each.success_rate) for each in ada.actions] == [("GET /orders", 2, 0.5)]
        assert [each.count for each in ada.tasks.actions] == [1]

        found = run(board, "--user", "bob", "--json").json
        assert [each["intent"] for each in found["intents"]] == ["travel"]
        shown = run(board)
        assert shown.code == 0, shown.err
        for words in ("requests", "GET /orders (2)", "50.0%", "city=Bern (1)", "hours (UTC)", "tasks (all 1)"):
            assert words in shown.out
        refused = run(board, "--timezone", "Mars")
        assert (refused.code, refused.err.count("to be a name of the IANA database")) == (2, 1)


def test_what_was_counted_stays_when_the_stream_forgets(tmp_path: Path) -> None:
    with up(tmp_path / "board") as board:
        asked(board, min_seq=publish(board, line(), line()))
        purge(board)
        assert asked(board, min_seq=publish(board, line("bob"))).requests == 3
        purge(board)
    with up(tmp_path / "board") as board:
        assert asked(board).requests == 3
        assert asked(board, min_seq=publish(board, line("cem"))).requests == 4
