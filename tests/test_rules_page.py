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
from callboard.config import Config
from callboard.events.facts import DAYS, MAX_TEXT, WEEKDAY
from callboard.events.rule import Learned
from callboard.events.user_decisions import GROWTH, MAX_EVIDENCE, MAX_OPEN, MAX_OPEN_OF_INTENT, MAX_RULES
from callboard.events.user_events import EVENTS, UserEvent
from callboard.learning.choice import ALIKE, EVERYWHERE
from callboard.learning.figures import CHANCE, CONDITION_CHANCE, RECENT
from callboard.learning.history import TWIN_SECONDS
from callboard.learning.learner import SHARE
from callboard.learning.lesson import MAX_AT_ONCE
from callboard.learning.mining import MAX_VALUES
from callboard.projections import find_asked, meant
from callboard.projections.rule_answers import RuleAnswer
from callboard.requests import LearnRequest, RuleDecision, RulesQuery
from tests.support.boards import CLI_AGENTS, board_for_module
from tests.support.known_rules import proposed
from tests.support.running import Running
from tests.support.source import ROOT
from tests.support.views import holding, rows
from tests.support.wire import Wire

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
LINE = {
    "user_id": "bob",
    "endpoint": "/chat",
    "status": 200,
    "response_ms": 9,
    "intent": "meeting",
    "entities": {"time": "15:00"},
}

board = board_for_module(CLI_AGENTS, "--rules-every", "0")


async def published(url: str, lines: list[dict[str, Any]]) -> int:
    """Publish lines of a request log, and return the sequence of the last."""
    wire = await Wire.open(url)
    try:
        return [(await wire.publish("callboard.request", line)).seq for line in lines][-1]
    finally:
        await wire.close()


def section(heading: str) -> str:
    return re.split(r"\n##+ ", PAGE.split(f"# {heading}\n", 1)[1])[0]


def told(answer: Any) -> Any:
    """Return an answer without places in the log and times, which are others every time."""
    if isinstance(answer, list):
        return [told(each) for each in answer]
    if not isinstance(answer, dict):
        return answer
    varied = {"seq", "as_of_seq", "proposed_at", "next"}
    return {name: None if name in varied else told(value) for name, value in answer.items()}


async def test_the_examples_are_answered_as_the_page_shows(board: Running) -> None:
    async with Client(board.url) as client:
        await client.patterns(min_seq=await published(board.url, [LINE] * 5))
        for subject, body, answer in EXAMPLES:
            found, shown = json.loads(await client.ask(subject, json.loads(body))), json.loads(answer)
            assert list(found) == list(shown)
            assert told(found) == told(shown)
            if subject.endswith("learn_rules"):
                # Behind what was learned of bob: it is the newest then.
                await client.rules("ada", min_seq=await proposed(board.url, "ada", MEETING))
        (rule,) = await client.rules("ada", min_seq=found["seq"])
        assert rule.status == "accepted"


def test_there_is_an_example_of_each() -> None:
    assert [name for name, _, _ in EXAMPLES] == [
        "callboard.api.learn_rules",
        "callboard.query.rules",
        "callboard.query.rules",
        "callboard.api.decide_rule",
    ]
    (_, (_, _, answer), _, _) = EXAMPLES
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
    assert f"At most {MAX_OPEN_OF_INTENT} rules about the same intent, and {MAX_OPEN} of one user" in TEXT
    assert GROWTH == 2
    assert "twice the support" in TEXT


def test_the_settings_and_bounds_are_those_in_force() -> None:
    table = dict(re.findall(r"^\| `(rules_\w+)` \| (\S+) \|", PAGE, re.MULTILINE))
    config = {name: getattr(Config(), name) for name in Config.__struct_fields__ if name.startswith("rules_")}
    assert table == {name: "none" if value is None else f"{value:g}" for name, value in config.items()}
    assert f"At most {MAX_AT_ONCE} are proposed" in TEXT
    assert f"more than {MAX_VALUES} values" in TEXT
    assert f"less than {CHANCE * 100:g} % of users" in TEXT
    assert f"less than {CONDITION_CHANCE * 100:g} % of users" in TEXT
    assert f"the newest {RECENT} cases" in TEXT
    assert EVERYWHERE == 0.75
    assert "three quarters of a user's intents" in TEXT
    assert ALIKE == 0.9
    assert "but for a tenth" in TEXT
    assert f"within {TWIN_SECONDS} seconds" in TEXT
    assert f"newest {meant.KEPT:,} lines" in TEXT
    assert f"newest {find_asked.KEPT:,} tasks" in TEXT
    assert f"more than {find_asked.MAX_INPUT:,} bytes" in TEXT
    assert (SHARE, WEEKDAY, DAYS[0], DAYS[-1]) == (0.2, "weekday", "monday", "sunday")


def test_requests_have_the_fields_that_the_page_names() -> None:
    for shape, heading in ((RulesQuery, "Asking"), (RuleDecision, "Deciding"), (LearnRequest, "At once")):
        assert set(shape.__struct_fields__) <= set(re.findall(r"`([a-z_]+)`", section(heading)))
