"""Of facts that come together, what users say first is the condition, and what goes along with it follows."""

from itertools import permutations
from typing import Any

import pytest

from callboard.actors.rule_book import RuleBook
from callboard.events.facts import of_task
from callboard.events.rule import INTENT, Learned, Scalar
from callboard.learning.lesson import conclude
from callboard.learning.mining import mine
from callboard.learning.observation import Observation
from callboard.learning.thresholds import Thresholds
from tests.support.task_story import START

COFFEE: dict[str, Scalar] = {"type": "coffee", "time": "15:00", "duration": 30}
LUNCH: dict[str, Scalar] = {"type": "lunch", "time": "12:30", "duration": 60}
ORDERS = list(permutations(COFFEE))


def found(*said: dict[str, Any], intent: str = "meeting") -> list[Learned]:
    """Return the rules in lines of the request log that state these facts."""
    lines = [Observation.of("requests", n, {**each, INTENT: intent}, None) for n, each in enumerate(said, 1)]
    return mine(lines, Thresholds())


def told(rules: list[Learned]) -> set[tuple[str, Scalar, str, Scalar]]:
    """Return second condition and conclusion of each rule."""
    facts = [(*({**each.when}.items()),) for each in rules]
    return {
        (*next(fact for fact in when if fact[0] != INTENT), each.field, each.value)
        for when, each in zip(facts, rules, strict=True)
    }


def lines(order: tuple[str, ...] = ("type", "time", "duration")) -> list[dict[str, Any]]:
    """Return 60 lines about coffee and lunch, with their entities in that order."""
    return [{name: each[name] for name in order} for each in [COFFEE, LUNCH] * 30]


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_time_and_duration_follow_from_the_type_in_whatever_order_they_are_stated(order: tuple[str, ...]) -> None:
    rules = found(*lines(order))
    assert len(rules) == 4
    assert told(rules) == {
        ("type", "coffee", "time", "15:00"),
        ("type", "coffee", "duration", 30),
        ("type", "lunch", "time", "12:30"),
        ("type", "lunch", "duration", 60),
    }


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_a_task_that_states_the_type_alone_gets_the_rest(order: tuple[str, ...]) -> None:
    book = RuleBook()
    book.hear(*conclude(None, "ada", found(*lines(order)), 0.5, START)[0])
    assert book.defaults("ada", lambda: of_task("meeting", {"type": "coffee"})) == {"time": "15:00", "duration": 30}


def test_of_times_and_numbers_what_is_stated_first_comes_first() -> None:
    said = [{"time": each["time"], "duration": each["duration"]} for each in (COFFEE, LUNCH)] * 10
    assert {rule[0] for rule in told(found(*said))} == {"time"}
    turned = [dict(reversed(each.items())) for each in said]
    assert {rule[0] for rule in told(found(*turned))} == {"duration"}


def test_what_is_stated_without_the_others_comes_first_be_it_a_time() -> None:
    said = [*lines(), {"time": "15:00"}]
    assert {rule[0] for rule in told(found(*said))} == {"time"}


def test_a_condition_that_explains_nearly_the_same_is_as_good() -> None:
    said = lines()
    for each in said[:20:10]:
        each["type"] = "walk"
    assert {rule[0] for rule in told(found(*said)) if rule[2] == "duration"} == {"type"}


def test_what_leads_one_way_only_is_found_against_the_order_too() -> None:
    times = {"lunch": ["12:00", "12:30", "13:00"], "coffee": ["10:00", "15:00", "16:00"]}
    said = [{"type": each, "time": times[each][n % 3]} for n in range(45) for each in times]
    assert told(found(*said)) == {("time", time, "type", each) for each in times for time in times[each]}


def test_three_that_follow_from_each_other_make_no_circle() -> None:
    said = [{"a": f"{each}", "b": f"{each}{each}", "c": f"{each}-{each}"} for each in ("x", "y", "z")] * 12
    rules = told(found(*said))
    assert {rule[0] for rule in rules} == {"a"}
    assert {rule[2] for rule in rules} == {"b", "c"}
