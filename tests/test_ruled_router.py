"""Which agent a task gets when a rule of its user says so."""

from datetime import UTC, datetime
from typing import Any

import pytest

from callboard.actors.agent_registry import AgentRegistry
from callboard.actors.rule_book import RuleBook
from callboard.actors.task import Task
from callboard.events.agent_events import Announced
from callboard.events.agent_log import AgentState
from callboard.events.rule import Learned, Scalar
from callboard.events.task import Route
from callboard.events.user_state import fold
from callboard.ruling import router
from tests.support.rulings import accepted, learned

SUNDAY = datetime(2026, 3, 1, 23, tzinfo=UTC)
BILLING = learned("agent", "billing", support=6)


def agent(name: str, **said: Any) -> AgentState:
    return AgentState(name, 1, Announced(originator_id=name, originator_version=1, at=SUNDAY, **said))


AGENTS = (
    agent("billing", keywords=("invoice",), max_attempts=7),
    agent("travel", kinds=("refund",), keywords=("hotel",)),
    agent("vip"),
    agent("desk", fallback=True),
)


def routed(
    *rules: Learned,
    given: Any = None,
    kind: str | None = "refund",
    user_id: str | None = "ada",
    present: str = "billing travel vip desk",
    **can_handle: Any,
) -> Route:
    """Return the route of a task, where ``rules`` are in force for ada and those ``present`` are served."""
    registry = AgentRegistry(can_handle)
    registry.learn(AGENTS)
    registry.serving("node", present.split())
    book, state = RuleBook(), None
    for rule in rules:
        events = accepted(state, "ada", rule)
        book.hear(*events)
        state = fold(state, events)
    task = Task(id="t-1", input=given, kind=kind, user_id=user_id, submitted_at=SUNDAY)
    return registry.route(router(0.5, book), task)


def test_a_rule_is_above_kinds_and_keywords() -> None:
    assert routed(given="an invoice").agent == "travel"
    assert routed(BILLING, given="hotel").agent == "billing"


def test_the_route_says_which_rule_and_how_sure_it_is() -> None:
    found = routed(BILLING)
    said = 'when intent is "refund", then agent is "billing"'
    assert found == Route(
        agent="billing",
        reason=f"learned rule {BILLING.id} of 'ada': {said}",
        confidence=0.6,
        method="rule",
        intent="refund",
        max_attempts=7,
    )


def test_no_threshold_applies_to_what_was_accepted() -> None:
    assert routed(learned("agent", "billing", support=1)).agent == "billing"


@pytest.mark.parametrize("user_id", ["bob", None])
def test_others_are_not_concerned(user_id: str | None) -> None:
    assert routed(BILLING, user_id=user_id).agent == "travel"


def test_nor_are_other_intents_and_fields() -> None:
    assert routed(BILLING, kind="question").agent == "desk"
    assert routed(learned("time", "billing")).agent == "travel"


@pytest.mark.parametrize("given", [{"intent": "refund"}, {"intent": "refund", "sum": 7}])
def test_a_task_without_a_kind_may_state_its_intent(given: Any) -> None:
    found = routed(BILLING, given=given, kind=None)
    assert (found.agent, found.intent) == ("billing", "refund")


@pytest.mark.parametrize(
    ("facts", "chosen"),
    [({"tier": "gold"}, "vip"), ({"tier": "tin"}, "billing"), ({"tier": ["gold"]}, "billing"), ({}, "billing")],
    ids=str,
)
def test_the_rule_with_more_conditions_goes_first(facts: dict[str, Any], chosen: str) -> None:
    special = learned("agent", "vip", support=5, tier="gold")
    assert routed(BILLING, special, given=facts).agent == chosen


def test_a_rule_may_ask_for_the_day_of_the_week() -> None:
    assert routed(learned("agent", "vip", weekday="sunday")).agent == "vip"
    assert routed(learned("agent", "vip", weekday="monday")).agent == "travel"


@pytest.mark.parametrize("value", ["nobody", 1, True, ""])
def test_a_rule_for_what_is_no_agent_says_nothing(value: Scalar) -> None:
    assert routed(learned("agent", value)).agent == "travel"


def failing(_task: Task) -> bool:
    raise LookupError("nobody knows")


@pytest.mark.parametrize("rule", [lambda _task: False, lambda _task: 0.0, failing])
def test_an_agent_that_says_no_does_not_get_it(rule: Any) -> None:
    assert routed(BILLING, billing=rule).agent == "travel"
    special = learned("agent", "vip", tier="gold")
    assert routed(BILLING, special, given={"tier": "gold"}, vip=rule).agent == "billing"


@pytest.mark.parametrize("rule", [lambda _task: None, lambda _task: 0.01, lambda _task: True])
def test_an_agent_that_does_not_say_no_gets_it(rule: Any) -> None:
    assert routed(BILLING, billing=rule).agent == "billing"


def test_while_its_agent_is_away_a_present_one_that_wants_the_task_gets_it() -> None:
    assert routed(BILLING, present="travel desk").agent == "travel"


def test_a_route_says_which_rule_was_passed_over_and_why() -> None:
    vip = learned("agent", "vip", tier="gold")
    found = routed(vip, given={"tier": "gold"}, present="travel desk")
    assert found.reason == f"'refund' is one of its kinds; rule {vip.id} passed over: vip is not served"
    found = routed(vip, BILLING, given={"tier": "gold"}, vip=lambda _task: False, billing=lambda _task: False)
    assert found.reason.endswith(f"; rule {vip.id} passed over: vip does not take this task")
    odd = learned("agent", "no agent\n")
    assert routed(odd).reason.endswith(f"; rule {odd.id} passed over: 'no agent\\n' is not served")
    assert routed(vip, present="travel desk").reason == "'refund' is one of its kinds"


def test_no_fallback_gets_what_a_rule_has_for_an_agent_that_is_away() -> None:
    found = routed(BILLING, kind=None, given={"intent": "refund"}, present="travel desk")
    assert (found.agent, found.method) == ("billing", "rule")
    assert found.reason.endswith('"billing"; no process serves it at present, so the task waits for one')
