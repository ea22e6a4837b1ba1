"""What people see fits their terminal and loses nothing; an output that cannot be written is no traceback."""

import fcntl
import signal
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from callboard.cli.output import Output, complain
from callboard.cli.task_list import COLUMNS
from tests.support.command_line import command, environment
from tests.support.waiting import until

LONG = "https://example.com/" + "x" * 100


def test_a_value_that_is_wider_than_the_terminal_goes_on_in_the_next_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    Output().facts([("task", "t-1"), ("output", LONG)])

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join(line[8:].strip() for line in lines[1:]) == LONG


@pytest.mark.parametrize("width", [60, 110])
def test_the_id_of_a_task_stays_whole_in_a_narrow_table(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    row = ("0" * 36, "completed", "billing", "refund", "normal", "2026-01-31 09:00:00.123Z", "1.23 s", "word " * 12)

    Output().table(COLUMNS, [row])

    out = capsys.readouterr().out
    assert out.count("0" * 36) == 1
    assert max(map(len, out.splitlines())) <= width


def test_an_id_that_is_longer_than_a_terminal_is_folded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    Output().table(("task", "status"), [("x" * 100, "completed")])

    assert capsys.readouterr().out.count("x") == 100


def test_an_error_of_several_lines_is_printed_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    complain("two things are wrong:\n- one\n- \x1b[31mtwo")

    assert capsys.readouterr().err == "error: two things are wrong:\n  - one\n  - \\x1b[31mtwo\n"


def test_a_disk_that_is_full_is_an_error_and_no_traceback() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ran = subprocess.run(command("--version"), stdout=full, stderr=subprocess.PIPE, env=environment(), check=False)

    assert (ran.returncode, ran.stderr) == (1, b"error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_an_output_that_is_closed_is_written_nowhere(closed: str) -> None:
    ran = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *command("--version")], capture_output=True, env=environment(), check=False
    )

    assert (ran.returncode, ran.stderr) == (0, b"")


def test_ctrl_c_ends_the_reading_of_standard_input() -> None:
    with subprocess.Popen(
        command("submit", "-"), stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as submit:
        assert submit.stdin is not None
        submit.stdin.write(b"My invoice")
        submit.stdin.flush()
        waiting = submit.stdin.fileno()
        until(lambda: struct.unpack("i", fcntl.ioctl(waiting, termios.FIONREAD, b"0000")) == (0,), "it reads")
        submit.send_signal(signal.SIGINT)

        assert submit.wait(20) == 130
