"""docs/backtest.md says what is so: its commands are taken, its links lead somewhere, its example is what comes out."""

import re
import shlex

import msgspec
import pytest

from callboard.backtesting import Backtest
from callboard.cli.main import build
from tests.support.source import ROOT

PAGE = (ROOT / "docs" / "backtest.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    callboard (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_is_one_that_callboard_takes(command: str) -> None:
    build().parse_args(shlex.split(command), exit_on_error=False, print_error=False)


def test_the_example_is_the_result_of_a_backtest() -> None:
    (document,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    found = msgspec.json.decode(document, type=Backtest)
    assert msgspec.json.decode(msgspec.json.encode(found)) == msgspec.json.decode(document)
    assert found.routed - len(found.changes) == found.agreed
