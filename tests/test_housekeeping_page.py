"""docs/housekeeping.md says what is so: its commands are taken, its table is the input of the agent."""

import re
import shlex

import msgspec
import pytest

from callboard.cli.main import build
from callboard.housekeeping import CleanupInput, CleanupReport
from tests.support.source import ROOT

PAGE = (ROOT / "docs" / "housekeeping.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    callboard (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_is_one_that_callboard_takes(command: str) -> None:
    build().parse_args(shlex.split(command), exit_on_error=False, print_error=False)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", PAGE))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()


def test_the_table_has_every_field_of_the_input() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == CleanupInput.__struct_fields__


def test_the_input_that_a_heartbeat_is_given_is_one() -> None:
    (given,) = re.findall(r"--input '(.*)'", PAGE)
    assert msgspec.json.decode(given, type=CleanupInput).older_than_seconds == 30 * 86_400


def test_the_output_is_described() -> None:
    names = ", ".join(f'"{name}"' for name in CleanupReport.__struct_fields__)
    assert f"{{{names}}}" in PAGE
