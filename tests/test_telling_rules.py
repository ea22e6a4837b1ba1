"""What is so whatever a user wants says nothing about any intent, and failures and secrets say nothing at all."""

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from callboard.events.facts import of_request, stated
from callboard.events.rule import AGENT, INTENT, Rule
from callboard.learning.history import TWIN_SECONDS, observations
from callboard.learning.mining import mine
from callboard.learning.observation import Observation
from callboard.learning.thresholds import Thresholds
from callboard.projections.find_asked import Asked
from callboard.projections.find_meant import Meant
from callboard.projections.request_entry import RequestEntry
from callboard.projections.times import micros
from tests.support.counted_lines import STORED, line

CLIENT = {"channel": "web", "locale": "en-GB", "app": "4.1", "beta": True}
FIELDS = {
    "meeting": {"time": "15:00"},
    "refund": {"shop": "north"},
    "travel": {"seat": "aisle"},
    "mail": {"tone": "dry"},
}


def seen(*said: dict[str, Any], agent: str | None = None) -> list[Observation]:
    return [Observation.of("events", n, each, None, agent) for n, each in enumerate(said, 1)]


def user(count: int) -> list[Observation]:
    """Return lines of a user with four intents, each with a habit, from a client that says the same of itself."""
    chance = random.Random(count)
    intents = [list(FIELDS)[n % 4] for n in range(count)]
    return seen(*({**CLIENT, **FIELDS[each], "note": f"n{chance.random()}", INTENT: each} for each in intents))


def test_what_a_client_says_of_itself_is_no_rule_of_each_intent() -> None:
    rules = mine(user(30), Thresholds())
    assert {(each.when[INTENT], each.field) for each in rules} == {
        (intent, field) for intent, fields in FIELDS.items() for field in fields
    }
    assert len(rules) == 4


def test_of_a_user_with_one_intent_nobody_can_tell() -> None:
    rules = mine(seen(*[{"channel": "web", INTENT: "meeting"}] * 9), Thresholds())
    assert [each.field for each in rules] == ["channel"]


def test_what_differs_in_one_intent_is_told_of_that_one() -> None:
    said = [{"channel": "phone" if intent == "mail" else "web", INTENT: intent} for intent in FIELDS] * 9
    [rule] = mine(seen(*said), Thresholds())
    assert (rule.when, rule.value) == ({INTENT: "mail"}, "phone")


def test_an_agent_that_a_user_names_for_everything_is_a_rule_for_everything() -> None:
    rules = mine(seen(*[{INTENT: intent} for intent in FIELDS] * 9, agent="echo"), Thresholds())
    assert {(each.when[INTENT], each.field) for each in rules} == {(intent, AGENT) for intent in FIELDS}


@pytest.mark.parametrize("name", ["password", "apiKey", "x-access-token", "user[secret]", "IBAN"])
def test_secrets_are_no_facts(name: str) -> None:
    assert stated({name: "hunter2", "time": "15:00"}) == {"time": "15:00"}
    assert of_request("pay", {name: "hunter2"}) == {INTENT: "pay"}


def test_nor_is_what_was_hidden() -> None:
    assert stated({"pin": "[redacted]", "time": "15:00"}) == {"time": "15:00"}


@pytest.mark.parametrize("failure", [{"success": False}, {"status": 503}])
def test_a_request_that_failed_is_no_evidence(failure: dict[str, Any]) -> None:
    assert RequestEntry.of(line(intent="pay", **failure), micros(STORED), 1).facts is None
    assert RequestEntry.of(line(intent="pay"), micros(STORED), 1).facts is not None


def wishes(apart: float, **task: Any) -> int:
    """Return as how many cases a line and the task that followed count."""
    given = {
        "kind": "meeting",
        "input": b'{"time":"15:00","people":2}',
        "route": b'{"agent":"desk","method":"explicit"}',
    }
    asked = Asked(9, micros(STORED + timedelta(seconds=apart)), **{**given, **task})
    facts = msgspec.json.encode({"people": 2, "time": "15:00", INTENT: "meeting"})
    return len(observations([Meant(5, micros(STORED), facts)], [asked]))


def test_a_line_and_the_task_that_it_led_to_are_one_case() -> None:
    assert wishes(TWIN_SECONDS) == wishes(-3) == 1
    assert wishes(TWIN_SECONDS + 1) == 2
    assert wishes(1, input=b'{"time":"15:00","people":true}') == wishes(1, kind="lunch") == 2


def test_a_task_stands_for_one_line_alone() -> None:
    facts = msgspec.json.encode({INTENT: "meeting"})
    lines = [Meant(n, micros(STORED), facts) for n in (1, 2)]
    asked = Asked(9, micros(STORED), "meeting", None, None)
    assert [(each.log, each.seq) for each in observations(lines, [asked])] == [("requests", 2), ("events", 9)]


def test_a_rule_in_words_is_one_line_in_which_everything_can_be_seen() -> None:
    rule = Rule(when={INTENT: "a and b is c", "two words": True}, field="time", value="15:00\n\x1b[31m\u202e")
    assert rule.text == (
        r'when intent is "a and b is c" and "two words" is true, then time is "15:00\n\u001b[31m\u202e"'
    )
    assert Rule(when={INTENT: "x"}, field="n", value=1).text != Rule(when={INTENT: "x"}, field="n", value="1").text
