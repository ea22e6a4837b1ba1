"""`callboard submit --file`: all lines or none, and the same file again adds nothing."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.boards import board_for_test
from tests.support.command_line import Ran, callboard
from tests.support.fresh_server import left_server
from tests.support.running import Running
from tests.support.streams import commands, on_server
from tests.support.waiting import until

url = pytest.fixture(left_server)
board = board_for_test()


SENT = "sent 2 submissions (the same id again is the same task; what cannot be taken is in callboard dead ls)\n"


def submit(url: str, path: Path | str, *more: str, stdin: bytes = b"") -> Ran:
    return callboard("submit", "--file", str(path), *more, "--nats", url, stdin=stdin)


def bodies(url: str) -> list[Any]:
    return [msgspec.json.decode(message.data) for message in on_server(url, commands)]


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_each_line_is_a_task_for_its_agent(url: str, tmp_path: Path) -> None:
    path = written(
        tmp_path / "tasks.jsonl",
        '{"input": "refund 7", "id": "a", "agent": "billing", "priority": 2}',
        "",
        '{"input": {"amount": 1.10}, "id": "b"}',
    )

    ran = submit(url, path)

    assert (ran.code, ran.out, ran.err) == (0, SENT, "")
    first, second = on_server(url, commands)
    assert (first.subject, second.subject) == ("callboard.submit.billing", "callboard.submit")
    assert msgspec.json.decode(first.data) == {"input": "refund 7", "id": "a", "priority": 2}
    assert b'{"amount": 1.10}' in second.data


def test_standard_input_is_a_file_too_and_a_last_line_needs_no_end(url: str) -> None:
    ran = submit(url, "-", "--json", stdin=b'{"input": 1, "id": "a"}\r\n{"input": 2, "id": "b"}')

    assert ran.json == {"submitted": 2, "skipped": [], "ids": ["a", "b"]}
    assert [body["input"] for body in bodies(url)] == [1, 2]


def test_an_id_comes_from_the_line_and_how_often_it_stood_there(url: str, tmp_path: Path) -> None:
    path = written(tmp_path / "tasks.jsonl", '{"input": 1}', '{"input": 2}', '{"input": 1}')

    first, second = (submit(url, path, "--json").json["ids"] for _ in range(2))
    other = submit(url, path, "--batch", "tuesday", "--json").json["ids"]

    assert first == second
    assert len({*first, *other}) == 6


def test_nothing_is_sent_when_a_line_is_bad_and_each_is_named(url: str, tmp_path: Path) -> None:
    path = written(tmp_path / "tasks.jsonl", '{"input": 1}', "not json", '{"input": 2, "prioritty": 1}', "[]", '"x"')

    ran = submit(url, path)

    assert (ran.code, ran.out) == (2, "")
    assert "4 lines" in ran.err
    assert "line 2: expected a JSON object" in ran.err
    assert "line 3: unknown field 'prioritty': did you mean priority?" in ran.err
    assert "line 4" in ran.err
    assert bodies(url) == []


def test_bad_lines_are_left_out_when_that_is_asked_for(url: str, tmp_path: Path) -> None:
    path = written(tmp_path / "tasks.jsonl", '{"input": 1}', "not json", '{"input": 3}')

    ran = submit(url, path, "--skip-bad", "--json")

    assert ran.code == 0
    assert ran.json["submitted"] == 2
    assert [bad["line"] for bad in ran.json["skipped"]] == [2]
    assert "line 2" in ran.err
    assert [body["input"] for body in bodies(url)] == [1, 3]


def test_what_was_left_out_is_told_line_by_line(url: str, tmp_path: Path) -> None:
    ran = submit(url, written(tmp_path / "tasks.jsonl", "no", '{"input": 1}', "no\x1b[2J"), "--skip-bad")

    assert ran.out.startswith("sent 1 submission (")
    first, *more = ran.err.splitlines()
    assert first == "skipped 2 lines:"
    assert [line.partition(":")[0] for line in more] == ["  line 1", "  line 3"]
    assert "\x1b" not in ran.err


def test_an_id_that_stands_for_two_submissions_is_a_bad_line(url: str, tmp_path: Path) -> None:
    lines = '{"id": "a", "input": 1}', '{"input": 1}', '{"id": "a", "input": 2}', '{"input":1,"id":"a"}'
    ran = submit(url, written(tmp_path / "tasks.jsonl", *lines), "--skip-bad")

    assert ran.out.startswith("sent 3 submissions (")
    told = "skipped 1 line:\n  line 3: expected id 'a' to name one submission, line 1 has another one"
    assert ran.err.strip() == told


def test_only_some_of_many_bad_lines_are_told(url: str, tmp_path: Path) -> None:
    ran = submit(url, written(tmp_path / "tasks.jsonl", *["no"] * 30))

    assert ran.code == 2
    assert ran.err.count("line ") == 20
    assert "and 10 more" in ran.err


def test_a_line_that_is_too_long_is_bad_and_the_next_is_read(url: str, tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b'{"input": 1}' + b" " * 3_000_000 + b"!\n" + b'{"input": 2}\n')

    ran = submit(url, path, "--skip-bad", "--json")

    assert [bad["line"] for bad in ran.json["skipped"]] == [1]
    assert ran.json["submitted"] == 1


def test_bytes_that_are_no_text_are_a_bad_line(url: str) -> None:
    ran = submit(url, "-", stdin=b'{"input": "\xff"}\n')

    assert ran.code == 2
    assert "line 1: expected UTF-8" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [["--file", "x.jsonl", "text"], ["--file", "x.jsonl", "--agent", "a"], ["--file", "x.jsonl", "--wait"], []],
)
def test_a_file_stands_alone_and_without_one_there_is_a_text(arguments: list[str]) -> None:
    ran = callboard("submit", *arguments)

    assert ran.code == 2
    assert "--file" in ran.err


@pytest.mark.parametrize(("name", "why"), [("none.jsonl", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_a_usage_error_that_names_it(tmp_path: Path, name: str, why: str) -> None:
    ran = callboard("submit", "--file", str(tmp_path / name))

    assert ran.code == 2
    assert f"expected --file to be one that can be read, got '{tmp_path / name}': {why}" in ran.err


def test_a_file_of_many_submitted_twice_adds_nothing(board: Running, tmp_path: Path) -> None:
    path = written(tmp_path / "tasks.jsonl", *(f'{{"input": "echo {number % 700}"}}' for number in range(1_500)))

    for _ in range(2):
        assert submit(board.url, path).out.startswith("sent 1500 submissions (")
    assert callboard("submit", "echo last", "--wait", "--nats", board.url).code == 0

    def completed() -> bool:
        return bool(callboard("stats", "--json", "--nats", board.url).json["completed"] == 1_501)

    until(completed, "all of them completed")
    assert callboard("stats", "--json", "--nats", board.url).json["total"] == 1_501
