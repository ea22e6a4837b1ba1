"""What users wanted, as observations: lines with their entities, and tasks with the agent that somebody named."""

from typing import Any

import msgspec

from callboard.events.rule import Facts
from callboard.learning.history import observations
from callboard.projections.find_asked import Asked
from callboard.projections.find_meant import Meant
from callboard.projections.times import micros
from tests.support.counted_lines import STORED

AT = micros(STORED)


def facts(kind: str | None = None, given: Any = None, **route: Any) -> list[Facts]:
    encoded = None if given is None else msgspec.json.encode(given)
    task = Asked(7, AT, kind, encoded, msgspec.json.encode(route) if route else None)
    return [each.facts for each in observations([], [task])]


def test_a_line_is_what_it_states_and_its_day() -> None:
    [seen] = observations([Meant(5, AT, b'{"city": "Bern", "agent": "me", "intent": "travel"}')], [])
    assert (seen.log, seen.seq) == ("requests", 5)
    assert seen.facts == {"city": "Bern", "intent": "travel", "weekday": "monday"}


def test_a_task_has_the_intent_of_its_route_or_its_kind_or_its_input() -> None:
    assert facts("refund", {"n": 1}) == [{"intent": "refund", "n": 1, "weekday": "monday"}]
    assert facts("refund", intent="money", method="keyword", agent="a") == [{"intent": "money", "weekday": "monday"}]
    assert facts(given={"intent": "x", "weekday": "any"}) == [{"intent": "x", "weekday": "any"}]
    assert facts(given="refund, please") == []


def test_only_an_agent_that_was_named_is_a_fact() -> None:
    assert facts("x", agent="billing", method="explicit")[0]["agent"] == "billing"
    for method in ("keyword", "fallback", "rule"):
        assert "agent" not in facts("x", {"agent": "me"}, agent="billing", method=method)[0]


def test_what_cannot_be_read_is_left_out() -> None:
    [seen] = observations([], [Asked(7, None, "x", b"\xff", None)])
    assert seen.facts == {"intent": "x"}
