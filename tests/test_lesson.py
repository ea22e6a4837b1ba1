"""What was learned is proposed once, and accepted by itself only where that was asked for and nothing is against it."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from callboard.events.rule import Learned
from callboard.events.user_decisions import accept, reject
from callboard.events.user_state import UserState, fold
from callboard.learning.lesson import MAX_AT_ONCE, Lesson, conclude

NOW = datetime(2026, 3, 2, tzinfo=UTC)
COFFEE = Learned(when={"intent": "meeting"}, field="time", value="15:00", support=9, seen=10, bound=0.652)
LUNCH = Learned(when={"intent": "meeting"}, field="time", value="12:30", support=30, seen=30, bound=0.92)
REFUND = Learned(when={"intent": "refund"}, field="agent", value="billing", support=20, seen=20, bound=0.88)
bounds = st.none() | st.floats(0, 1)


def lesson(state: UserState | None, *learned: Learned, bound: float | None = None) -> Lesson:
    return Lesson.of(conclude(state, "ada", learned, bound, NOW), 0)


def known(*learned: Learned, bound: float | None = None) -> UserState:
    state = fold(None, conclude(None, "ada", learned, bound, NOW))
    assert state is not None
    return state


def test_without_a_bound_people_decide() -> None:
    assert lesson(None, COFFEE, REFUND) == Lesson([COFFEE.id, REFUND.id], [], 0)


def test_with_one_rules_that_reach_it_are_accepted_with_the_reason() -> None:
    events = conclude(None, "ada", [COFFEE, REFUND], 0.8, NOW)
    assert Lesson.of(events, 5) == Lesson([COFFEE.id, REFUND.id], [REFUND.id], 5)
    assert [event.originator_version for event in events] == [1, 2, 3]
    assert msgspec.to_builtins(events[-1])["reason"] == "accepted by itself: its bound 0.880 is at least 0.8"


def test_a_rule_that_was_proposed_before_is_accepted_once_it_reaches_the_bound() -> None:
    stronger = msgspec.structs.replace(COFFEE, support=17, seen=18, bound=0.8)
    assert lesson(known(COFFEE), stronger, bound=0.75) == Lesson([], [COFFEE.id], 0)


def test_what_a_person_rejected_stays_rejected() -> None:
    state = known(REFUND)
    state = fold(state, reject(state, REFUND.id, NOW)) or state
    assert lesson(state, REFUND, bound=0.5) == Lesson([], [], 0)


def test_a_rule_that_holds_is_not_replaced_by_itself() -> None:
    state = known(COFFEE)
    state = fold(state, accept(state, COFFEE.id, NOW)) or state
    assert lesson(state, LUNCH, bound=0.5) == Lesson([LUNCH.id], [], 0)


def test_no_more_are_proposed_at_a_time_than_fit_and_the_others_come_then() -> None:
    many = [msgspec.structs.replace(COFFEE, field=f"f{n}") for n in range(MAX_AT_ONCE + 7)]
    state = known(*many)
    assert len(state.rules) == MAX_AT_ONCE
    assert len(lesson(state, *many).proposed) == 7


@given(st.lists(st.sampled_from([COFFEE, LUNCH, REFUND])), st.lists(st.sampled_from([COFFEE, LUNCH, REFUND])), bounds)
def test_the_same_lesson_twice_says_nothing_new(
    before: list[Learned], learned: list[Learned], bound: float | None
) -> None:
    state = fold(None, conclude(None, "ada", before, bound, NOW))
    after = fold(state, conclude(state, "ada", learned, bound, NOW))
    assert conclude(after, "ada", learned, bound, NOW) == []
    fields = [
        (str(each.rule.when), each.rule.field)
        for each in (after.rules.values() if after else ())
        if each.status == "accepted"
    ]
    assert len(fields) == len(set(fields))
