"""Which rules are in force for whom, in whatever order the decisions are heard."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.context import Context
from callboard.actors.rule_book import RuleBook
from callboard.actors.task import Task
from callboard.events.rule import Learned, Scalar
from callboard.events.user_events import RuleRejected, UserEvent
from callboard.events.user_state import UserState, fold
from tests.support.rulings import accepted, learned, rejected

THREE, FOUR = learned("time", "15:00"), learned("time", "16:00")
BILLING = learned("agent", "billing", support=8)
RULES = (THREE, FOUR, BILLING, learned("room", "blue", with_whom="eve"))


def told(*steps: tuple[bool, Learned], user_id: str = "ada") -> list[UserEvent]:
    """Return the events of decisions: accepted (true) or rejected, one after the other."""
    state: UserState | None = None
    events: list[UserEvent] = []
    for yes, rule in steps:
        known = rule.id in (state.rules if state else {})
        new = accepted(state, user_id, rule) if yes else rejected(state, rule) if known else []
        events, state = events + new, fold(state, new)
    return events


def book(*events: UserEvent) -> RuleBook:
    made = RuleBook()
    made.hear(*events)
    return made


def names(made: RuleBook, user_id: str | None = "ada") -> list[str]:
    return [each.id for each in made.rules(user_id)]


def defaults(made: RuleBook, **facts: Scalar) -> Mapping[str, Scalar]:
    return made.defaults("ada", lambda: facts)


def test_an_accepted_rule_is_its_users_alone() -> None:
    made = book(*told((True, BILLING)))
    (rule,) = made.rules("ada")
    assert (rule.id, rule.rule, rule.confidence, rule.bound) == (BILLING.id, BILLING.rule, 0.8, 0.4)
    assert names(made, "bob") == names(made, None) == []


def test_a_proposal_is_not_in_force() -> None:
    (proposal, _) = told((True, THREE))
    assert names(book(proposal)) == []


def test_a_rejected_rule_is_in_force_no_longer_until_it_is_accepted_again() -> None:
    assert names(book(*told((True, THREE), (False, THREE)))) == []
    assert names(book(*told((True, THREE), (False, THREE), (True, THREE)))) == [THREE.id]


def test_the_rule_that_takes_anothers_place_is_alone() -> None:
    assert names(book(*told((True, THREE), (True, FOUR)))) == [FOUR.id]


def test_more_conditions_go_first_then_the_higher_bound_then_the_id() -> None:
    special = learned("agent", "vip", support=5, tier="gold")
    equal = sorted([learned("a", 1), learned("b", 1)], key=lambda each: each.id)
    events = told(*((True, each) for each in (BILLING, *reversed(equal), special)))
    assert names(book(*events)) == [special.id, *(each.id for each in equal), BILLING.id]


@given(
    steps=st.lists(st.tuples(st.booleans(), st.sampled_from(RULES)), max_size=8),
    order=st.randoms(use_true_random=False),
    at_once=st.integers(min_value=1, max_value=5),
)
def test_in_any_order_and_however_often_it_is_what_the_log_says(
    steps: list[tuple[bool, Learned]], order: Any, at_once: int
) -> None:
    events = told(*steps)
    state = fold(None, events)
    heard = events + order.sample(events, len(events) // 2)
    order.shuffle(heard)
    made = RuleBook()
    for start in range(0, len(heard), at_once):
        made.hear(*heard[start : start + at_once])
    wanted = [] if state is None else [name for name, each in state.rules.items() if each.status == "accepted"]
    assert sorted(names(made)) == sorted(wanted)


def test_an_older_acceptance_that_is_heard_late_changes_nothing() -> None:
    *earlier, rejection = told((True, THREE), (False, THREE))
    assert isinstance(rejection, RuleRejected)
    made = book(rejection)
    made.hear(*earlier)
    assert names(made) == []


def test_it_knows_up_to_where_the_log_has_what_was_heard_of_a_user() -> None:
    made = RuleBook()
    proposal, acceptance = told((True, THREE))
    made.hear(proposal, seq=3)
    assert made.newest("ada") == 0
    made.hear(acceptance, seq=4)
    made.hear(*told((True, BILLING), user_id="bob"), seq=9)
    made.hear(acceptance, seq=10)
    assert (made.newest("ada"), made.newest("bob"), made.newest("eve")) == (4, 9, 0)


def test_defaults_are_of_the_rules_that_hold_but_for_the_agent() -> None:
    made = book(*told((True, THREE), (True, BILLING), (True, learned("room", "blue", intent="meeting"))))
    assert defaults(made, intent="refund") == {"time": "15:00"}
    assert defaults(made, intent="meeting") == {"room": "blue"}
    assert defaults(made) == {}


def test_of_defaults_for_one_field_more_conditions_win_then_the_bound() -> None:
    made = book(*told((True, THREE), (True, learned("time", "9:00", day="monday", support=5))))
    assert defaults(made, intent="refund", day="monday") == {"time": "9:00"}
    assert defaults(made, intent="refund", day="tuesday") == {"time": "15:00"}
    weak, strong = learned("time", "10:00", support=5, alone=True), learned("time", "11:00", support=7, new=True)
    for made in (book(*told((True, weak), (True, strong))), book(*told((True, strong), (True, weak)))):
        assert defaults(made, intent="refund", alone=True, new=True) == {"time": "11:00"}


def test_nobody_works_out_facts_where_there_are_no_rules_to_ask_about_them() -> None:
    made = book(*told((True, BILLING)))
    for user_id in ("ada", "bob", None):
        assert made.defaults(user_id, lambda: pytest.fail("asked for facts")) == {}


def test_defaults_cannot_be_written() -> None:
    found = defaults(book(*told((True, THREE))), intent="refund")
    with pytest.raises(TypeError):
        found["time"] = "16:00"  # type: ignore[index]


def test_a_context_has_the_rules_it_is_given() -> None:
    task = Task(id="t-1", input={"room": "blue"})
    assert Context(task=task).rules == {}
    ctx = Context(task=task, rules={"room": "red", "time": "15:00"})
    assert {**ctx.rules, **task.input} == {"room": "blue", "time": "15:00"}
