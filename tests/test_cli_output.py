"""What people see fits their terminal and loses nothing."""

import pytest

from callboard.cli.output import Output, complain

LONG = "https://example.com/" + "x" * 100


def test_a_value_that_is_wider_than_the_terminal_goes_on_in_the_next_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    Output().facts([("task", "t-1"), ("output", LONG)])

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join(line[8:].strip() for line in lines[1:]) == LONG


def test_an_error_of_several_lines_is_printed_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    complain("two things are wrong:\n- one\n- \x1b[31mtwo")

    assert capsys.readouterr().err == "error: two things are wrong:\n  - one\n  - \\x1b[31mtwo\n"
