"""docs/check.md says what is so: its commands are taken, its names are those of the code, its example is a report."""

import re
import shlex

import msgspec
import pytest

from callboard.checking.check import Report
from callboard.checking.violation import VIOLATIONS
from callboard.cli.main import build
from tests.support.source import ROOT

PAGE = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    callboard (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_is_one_that_callboard_takes(command: str) -> None:
    build().parse_args(shlex.split(command), exit_on_error=False, print_error=False)


def test_the_names_and_what_they_mean_are_those_of_the_code() -> None:
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)) == VIOLATIONS


def test_the_example_is_a_report() -> None:
    (document,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    report = msgspec.json.decode(document, type=Report)
    assert tuple(msgspec.json.decode(document)) == Report.__struct_fields__
    assert not report.sound
