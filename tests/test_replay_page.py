"""What docs/replay.md says is so: its commands run, and its examples have the fields that there are."""

import json
import re
import shlex
from pathlib import Path

import pytest
from msgspec import structs

from callboard.cli.main import build
from callboard.log_file import Entry, Head, LogFile, Tail
from tests.support.boards import board_for_module, run
from tests.support.command_line import callboard
from tests.support.running import Running
from tests.support.source import ROOT

PAGE = (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")
VIEWS = (ROOT / "docs" / "projections.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    callboard (.*)$", PAGE, re.MULTILINE)
REPLAYS = [command for command in COMMANDS if command.startswith("log replay")]
CLOUD_EVENT, FILE = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)

board = board_for_module()


@pytest.fixture(scope="module", autouse=True)
def task(board: Running) -> None:
    run(board, "submit", "hi", "--id", "invoice-7", "--wait")


@pytest.mark.parametrize("command", REPLAYS)
def test_every_replay_runs(board: Running, command: str) -> None:
    ran = run(board, *shlex.split(command))
    assert ran.code == 0, ran.err


def test_the_copy_of_a_log_runs_as_shown(board: Running, tmp_path: Path) -> None:
    names = {"log.jsonl.gz": str(tmp_path / "log.jsonl.gz"), "new": str(tmp_path / "new")}
    names["requests.jsonl.gz"] = str(tmp_path / "requests.jsonl.gz")
    export, load, requests = ([names.get(word, word) for word in shlex.split(command)] for command in COMMANDS[-3:])
    assert run(board, *export).code == run(board, *requests).code == 0
    assert callboard(*load).code == 0
    assert LogFile(Path(names["log.jsonl.gz"])).head().count > 0


@pytest.mark.parametrize(
    "command", ["rebuild NAME", "rebuild --verify", "rebuild --out FILE", "rebuild --until 3 --out F"]
)
def test_every_rebuild_on_the_page_of_views_is_one_that_is_taken(command: str) -> None:
    build().parse_args(["projections", *command.split()], exit_on_error=False, print_error=False)
    assert command.replace("--until 3 --out F", "--until PLACE --out FILE") in VIEWS


def test_the_example_of_a_cloud_event_has_its_attributes(board: Running) -> None:
    [event] = run(board, "log", "replay", "--format", "cloudevents", "--task", "invoice-7", "--limit", "1").lines
    shown = json.loads(CLOUD_EVENT)
    assert event.keys() == shown.keys()
    fixed = ("specversion", "source", "type", "subject", "datacontenttype")
    assert [event[name] for name in fixed] == [shown[name] for name in fixed]
    assert len(event["sequence"]) == len(shown["sequence"])


def test_a_line_has_the_fields_that_are_named(board: Running) -> None:
    [line] = run(board, "log", "replay", "--json", "--task", "invoice-7", "--limit", "1").lines
    named = re.search(r"is one JSON object a line:(.*?)\.", PAGE, re.DOTALL)
    assert named is not None
    assert re.findall(r"`(\w+)`", named[1]) == list(line)


def test_the_lines_of_a_file_have_the_fields_that_are_written() -> None:
    lines = [json.loads(line) for line in FILE.splitlines()]
    assert [list(line) for line in lines] == [
        [each.name for each in structs.fields(kind)] for kind in (Head, Entry, Tail)
    ]


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)[#)]", PAGE))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()
