"""docs/operations.md says what is so: its commands are taken, its links lead somewhere, its files are there."""

import itertools
import re
import shlex
import shutil
from pathlib import Path

import pytest

from callboard.cli.main import build
from callboard.config import Config
from tests.support.boards import CLI_AGENTS
from tests.support.command_line import callboard
from tests.support.running import Running
from tests.support.source import ROOT, modules

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    callboard (.*)$", PAGE, re.MULTILINE)
LINKS = re.findall(r"\]\(([^)#]+)\)", PAGE)
EVENTS = re.findall(r"`((?:actor|app|handler|link|process|supervisor)\.[a-z_]+)`", PAGE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_is_one_that_callboard_takes(command: str) -> None:
    build().parse_args(shlex.split(command), exit_on_error=False, print_error=False)


@pytest.mark.parametrize("link", LINKS)
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()


@pytest.mark.parametrize("event", sorted(set(EVENTS)))
def test_every_log_event_is_one_that_is_logged(event: str) -> None:
    assert any(f'"{event}"' in path.read_text(encoding="utf-8") for path in modules())


def settings() -> dict[str, str]:
    """The options in the table of settings, each with its default."""
    section = PAGE.partition("## Settings")[2].partition("Variables of the environment")[0]
    rows = [line.replace(r"\|", "/").split(" | ") for line in section.splitlines() if line.startswith("| `--")]
    cells = [(re.findall(r"--[a-z-]+", row[0]), row[1].replace("`", "").split(", ")) for row in rows]
    return dict(pair for names, values in cells for pair in itertools.zip_longest(names, values, fillvalue=""))


def test_every_option_and_its_default_is_in_the_table_of_settings() -> None:
    arguments = [one for one in build()["up"].assemble_argument_collection() if not one.children]
    table = settings()
    assert table.keys() == {one.name for one in arguments}
    defaults = {one.name: one.field_info.default for one in arguments if one.field_info.default not in (None, False)}
    assert {name: table[name] for name in defaults} == {name: str(value) for name, value in defaults.items()}


def test_the_defaults_are_those_of_the_configuration() -> None:
    config = Config.build()
    assert f"`--grace` seconds ({config.grace_seconds:g})" in PAGE
    assert f"{config.ack_wait_seconds:g} seconds, or `--ack-wait`" in PAGE


def test_the_directory_holds_what_the_table_says(tmp_path: Path) -> None:
    section = PAGE.partition("## What is stored where")[2].partition("## ")[0]
    told = set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))
    running = Running(tmp_path / "board", "--port", "0")
    assert running.stop() == 0

    found = {path.name for path in running.directory.iterdir()}

    assert found == told


def test_a_copy_of_a_directory_that_was_stopped_is_a_backup(tmp_path: Path) -> None:
    running = Running(tmp_path / "board", "--port", "0", "--app", str(CLI_AGENTS))
    assert callboard("submit", "echo", "--id", "a", "--wait", "--nats", running.url).code == 0
    before = callboard("task", "show", "a", "--json", "--nats", running.url).json
    assert running.stop() == 0

    shutil.copytree(running.directory, tmp_path / "copy")

    restored = Running(tmp_path / "copy", "--port", "0", "--app", str(CLI_AGENTS))
    after = callboard("task", "show", "a", "--json", "--nats", restored.url).json
    assert after == before
    assert restored.stop() == 0
