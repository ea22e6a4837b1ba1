"""What is learned of a user and what people say of it, in any order and however often."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.events import user_decisions as user
from callboard.events.facts import of_request, of_task, stated
from callboard.events.rule import Learned, Rule, same
from callboard.events.text_key import text_key
from callboard.events.user_decisions import MAX_EVIDENCE, MAX_RULES
from callboard.events.user_events import RuleAccepted, RuleProposed, RuleRejected, UnknownUserEvent, UserEvent
from callboard.events.user_state import UserState, fold

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
AT_THREE = {"when": {"intent": "meeting"}, "field": "time", "value": "15:00"}


def learned(support: int = 9, **fields: Any) -> Learned:
    return Learned(support=support, seen=10, bound=0.6, **{**AT_THREE, **fields})


def known(*found: Learned) -> UserState:
    state = fold(None, user.propose(None, "ada", found, AT))
    assert state is not None
    return state


def test_what_was_learned_is_proposed_once() -> None:
    (event,) = user.propose(None, "ada", [learned(), learned()], AT)
    assert isinstance(event, RuleProposed)
    assert (event.confidence, event.support, event.originator_version) == (0.9, 9, 1)
    assert user.propose(known(learned()), "ada", [learned(support=17)], AT) == []


def test_a_rule_with_twice_the_support_is_proposed_again_and_stays_what_it_was() -> None:
    state = known(learned())
    state = fold(state, user.accept(state, learned().id, AT)) or state
    (event,) = user.propose(state, "ada", [learned(support=18)], AT)
    after = fold(state, [event])
    assert after is not None
    assert (after.rules[learned().id].status, after.rules[learned().id].support) == ("accepted", 18)


def test_a_rejected_rule_is_never_proposed_again_but_may_be_accepted() -> None:
    state = known(learned())
    state = fold(state, user.reject(state, learned().id, AT, "nonsense")) or state
    assert user.propose(state, "ada", [learned(support=1_000)], AT) == []
    (event,) = user.accept(state, learned().id, AT, "well")
    assert isinstance(event, RuleAccepted)
    assert (event.when, event.field, event.value) == ({"intent": "meeting"}, "time", "15:00")


def test_of_two_rules_about_the_same_the_one_accepted_last_holds() -> None:
    earlier, later = learned(), learned(value="16:00")
    state = known(earlier, later)
    state = fold(state, user.accept(state, earlier.id, AT)) or state
    rejected, accepted = user.accept(state, later.id, AT)
    assert isinstance(rejected, RuleRejected)
    assert (rejected.rule, rejected.reason) == (earlier.id, f"{later.id} was accepted in its place")
    assert isinstance(accepted, RuleAccepted)


def test_of_one_user_there_are_not_more_rules_than_can_be_looked_at() -> None:
    state: UserState | None = None
    for number in range(MAX_RULES + 5):
        events = user.propose(state, "ada", [learned(field=f"f{number}")], AT)
        state = fold(state, events)
        assert state is not None
        state = fold(state, user.accept(state, learned(field=f"f{number}").id, AT) if events else [])
    assert state is not None
    assert len(state.rules) == MAX_RULES


def test_a_proposal_names_the_newest_of_what_supports_it() -> None:
    (event,) = user.propose(None, "ada", [learned(events=list(range(1, 500)), requests=[7])], AT)
    assert isinstance(event, RuleProposed)
    assert (event.events, event.requests) == (list(range(500 - MAX_EVIDENCE, 500)), [7])


@pytest.mark.parametrize(
    ("one", "other", "equal"), [(1, 1.0, True), (True, 1, False), ("1", 1, False), (False, False, True)]
)
def test_facts_are_the_same_as_json_has_them(one: Any, other: Any, equal: bool) -> None:  # noqa: FBT001 - a parameter
    assert same(one, other) is equal
    assert Rule(when={"x": one}, field="f", value=1).holds({"x": other, "y": 0}) is equal


def test_the_facts_of_a_task_are_single_values_of_its_input_and_its_intent() -> None:
    given = {"time": "15:00", "people": 2, "notes": "x" * 300, "who": ["ada"], "where": None, "": 1}
    assert of_task("meeting", given) == {"time": "15:00", "people": 2, "intent": "meeting"}
    assert of_task(None, {"intent": "lunch"}) == {"intent": "lunch"}
    assert of_task(None, {"intent": 3}) == {}
    assert of_task("kind", {}, "intent") == {"intent": "intent"}
    assert of_task(None, ["no", "object"]) == {}
    assert of_task(None, {"a": 2.0, "b": 2.5, "c": 1e300, "d": float("nan")}) == {"a": 2, "b": 2.5}
    assert of_request("meeting", {"intent": "other", "time": "15:00"}) == {"intent": "meeting", "time": "15:00"}
    assert len(stated({str(number): number for number in range(100)})) == 32


def test_a_user_too_long_for_a_subject_has_a_key_all_the_same() -> None:
    (event,) = user.propose(None, "ü" * 256, [learned()], AT)
    assert event.originator_id == text_key("ü" * 256) != event.user_id
    assert event.originator_id.startswith("sha256:")


COMMANDS = st.lists(
    st.tuples(
        st.sampled_from(["propose", "accept", "reject", "unknown"]),
        st.integers(0, 3),
        st.integers(1, 20),
    ),
    max_size=20,
)


def decide(state: UserState | None, command: tuple[str, int, int]) -> list[UserEvent]:
    what, value, support = command
    rule = learned(support, value=value)
    if what == "unknown":
        version = 0 if state is None else state.version
        return [UnknownUserEvent(originator_id="ada", originator_version=version + 1, at=AT)]
    if what == "propose":
        return user.propose(state, "ada", [rule], AT)
    if state is None or rule.id not in state.rules:
        return []
    return user.accept(state, rule.id, AT) if what == "accept" else user.reject(state, rule.id, AT)


@given(COMMANDS)
def test_any_commands_leave_versions_without_gaps_and_the_same_command_twice_adds_nothing(
    commands: list[tuple[str, int, int]],
) -> None:
    state: UserState | None = None
    version = 0
    for command in commands:
        events = decide(state, command)
        assert [event.originator_version for event in events] == list(range(version + 1, version + 1 + len(events)))
        state, version = fold(state, events), version + len(events)
        assert command[0] == "unknown" or decide(state, command) == []
        holding = [] if state is None else [each for each in state.rules.values() if each.status == "accepted"]
        assert len(holding) <= 1  # they all are about the same


@given(
    st.permutations(
        [
            *user.propose(None, "ada", [learned(value=number) for number in range(3)], AT),
            *user.accept(known(learned()), learned().id, AT),
            *user.reject(known(learned()), learned().id, AT),
            UnknownUserEvent(originator_id="ada", originator_version=9, at=AT),
        ]
    )
)
def test_the_fold_is_total(events: list[UserEvent]) -> None:
    state = fold(None, events)
    assert state is not None
    assert state.version == events[-1].originator_version
