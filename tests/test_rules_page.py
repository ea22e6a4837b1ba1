"""docs/rules.md says what is so: its commands, its events, its limits, and each request with the answer it gets."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callboard.cli.main import build
from callboard.client import Client
from callboard.events.facts import MAX_TEXT
from callboard.events.rule import Learned
from callboard.events.user_decisions import GROWTH, MAX_EVIDENCE, MAX_RULES
from callboard.events.user_events import EVENTS, UserEvent
from callboard.projections.rule_answers import RuleAnswer
from callboard.requests import RuleDecision, RulesQuery
from tests.support.boards import board_for_module
from tests.support.known_rules import proposed
from tests.support.running import Running
from tests.support.source import ROOT
from tests.support.views import holding, rows

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
COMMANDS = re.findall(r"^    callboard (.*)$", PAGE, re.MULTILINE)
EXAMPLES = re.findall(r"nats request (callboard\.\S+) '([^'\n]*)'\n\n```json\n(.*?)```", PAGE, re.DOTALL)
MEETING = Learned(
    when={"intent": "meeting"},
    field="time",
    value="15:00",
    support=9,
    seen=10,
    bound=0.652,
    requests=[5, 8, 13, 14, 21, 22, 30, 31, 38],
)

board = board_for_module()


def section(heading: str) -> str:
    return re.split(r"\n##+ ", PAGE.split(f"# {heading}\n", 1)[1])[0]


def told(answer: Any) -> Any:
    """Return an answer without places in the log and times, which are others every time."""
    if isinstance(answer, list):
        return [told(each) for each in answer]
    if not isinstance(answer, dict):
        return answer
    varied = {"seq", "as_of_seq", "proposed_at"}
    return {name: None if name in varied else told(value) for name, value in answer.items()}


async def test_the_examples_are_answered_as_the_page_shows(board: Running) -> None:
    async with Client(board.url) as client:
        await client.rules("ada", min_seq=await proposed(board.url, "ada", MEETING))
        for subject, body, answer in EXAMPLES:
            found, shown = json.loads(await client.ask(subject, json.loads(body))), json.loads(answer)
            assert list(found) == list(shown)
            assert told(found) == told(shown)
        (rule,) = await client.rules("ada", min_seq=found["seq"])
        assert rule.status == "accepted"


def test_there_is_an_example_of_each() -> None:
    assert [name for name, _, _ in EXAMPLES] == ["callboard.query.rules", "callboard.api.decide_rule"]
    ((_, _, answer), _) = EXAMPLES
    assert list(json.loads(answer)["rules"][0]) == list(RuleAnswer.__struct_fields__)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_is_one_that_callboard_takes(command: str) -> None:
    build().parse_args(shlex.split(command), exit_on_error=False, print_error=False)


def test_every_column_is_described(tmp_path: Path) -> None:
    path = holding(tmp_path / "views", [])
    columns = {name for (name,) in rows(path, "SELECT name FROM pragma_table_info('rules')")}
    assert columns == set(re.findall(r"`([a-z_]+)`", section("`rules`")))


def test_the_table_of_events_has_all_of_them_with_their_fields() -> None:
    found = re.findall(r"^\| `(\w+)` \| (.*?) \|", section("Its life in the log"), re.MULTILINE)
    fields = {
        cls.TOPIC.removeprefix("user."): [
            f"{each.name}?" if not each.required else each.name
            for each in msgspec.structs.fields(cls)
            if each.name not in UserEvent.__struct_fields__
        ]
        for cls in EVENTS
    }
    assert {name: re.sub("[`,]", "", text).split() for name, text in found} == fields


def test_the_limits_are_those_in_force() -> None:
    assert f"the newest {MAX_EVIDENCE} of each" in TEXT
    assert f"more than {MAX_TEXT} characters" in TEXT
    assert f"at most {MAX_RULES} rules" in TEXT
    assert GROWTH == 2
    assert "twice the support" in TEXT


def test_requests_have_the_fields_that_the_page_names() -> None:
    for shape, heading in ((RulesQuery, "Asking"), (RuleDecision, "Deciding")):
        assert set(shape.__struct_fields__) <= set(re.findall(r"`([a-z_]+)`", section(heading)))
