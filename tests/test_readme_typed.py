"""What the README says of looking back, typed line by line beside a callboard that runs."""

import asyncio
import json
import re
import shlex
from pathlib import Path

from tests.support.boards import board_for_module
from tests.support.command_line import Ran, callboard
from tests.support.running import Running
from tests.support.source import ROOT
from tests.support.wire import Wire

README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTION = README.split("## Looking back\n")[1].split("\n## ")[0]
[SUBMIT] = re.findall(r"^    callboard (.*)$", SECTION, re.MULTILINE)
[LINE] = re.findall(r"^    nats pub --jetstream callboard\.request '(.*)'$", SECTION, re.MULTILINE)
ROWS = re.findall(r"^\| [^|]+ \| `callboard ([^`]+)` \|", SECTION, re.MULTILINE)
board = board_for_module(ROOT / "examples" / "my_agents.py")


def typed(board: Running, command: str, directory: Path) -> Ran:
    """Run a line of the README in ``directory``, with what is there in place of what the README calls it."""
    places = {
        "nats://127.0.0.1:4222": board.url,
        "./data": str(board.directory),
        "./copy": str(directory / "copy"),
        "log.jsonl.gz": str(directory / "log.jsonl.gz"),
        "examples/my_agents.py": str(ROOT / "examples" / "my_agents.py"),
    }
    words = [places.get(word, word) for word in shlex.split(command)]
    away = "--dir" in words or "--nats" in words
    return callboard(*words, env={} if away else {"CALLBOARD_NATS_URL": board.url})


async def logged(url: str) -> None:
    """Log the request, and wait until the session has come to the task."""
    wire = await Wire.open(url)
    await wire.publish("callboard.request", json.loads(LINE))
    task = (await wire.ask("query.tasks", {"session_id": "chat-7"})).ok["tasks"][0]
    known = await wire.ask("query.user", {"user_id": "ada", "min_seq": task["seq"]})
    await wire.close()
    assert [each["session_id"] for each in known.ok["sessions"]] == ["chat-7"]


def test_every_command_for_looking_back_works(board: Running, tmp_path: Path) -> None:
    submitted = typed(board, SUBMIT, tmp_path)
    assert submitted.code == 0, submitted.err
    asyncio.run(logged(board.url))
    shown = {command: typed(board, command, tmp_path) for command in ROWS}
    assert {command: ran.err for command, ran in shown.items() if ran.code} == {}
    for command, part in {"session show chat-7": "My invoice 78 is wrong", "user ada": "chat-7"}.items():
        assert part in shown[command].out
    assert len(ROWS) == 14


def test_each_row_leads_to_a_page() -> None:
    rows = [line for line in SECTION.splitlines() if line.startswith("| ")][1:]
    assert [bool(re.search(r"\]\(docs/[\w-]+\.md(#[\w-]+)?\) \|$", row)) for row in rows] == [True] * 15
