"""What was learned is proposed once, and accepted by itself only where that was asked for and nothing is against it."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from callboard.events.rule import Learned
from callboard.events.user_decisions import MAX_OPEN, MAX_OPEN_OF_INTENT, accept, reject
from callboard.events.user_events import RuleAccepted, RuleProposed, UserEvent
from callboard.events.user_state import UserState, fold
from callboard.learning.lesson import MAX_AT_ONCE, Lesson, conclude
from callboard.learning.lesson import known as still_known

NOW = datetime(2026, 3, 2, tzinfo=UTC)
COFFEE = Learned(when={"intent": "meeting"}, field="time", value="15:00", support=9, seen=10, bound=0.652)
LUNCH = Learned(when={"intent": "meeting"}, field="time", value="12:30", support=30, seen=30, bound=0.92)
REFUND = Learned(when={"intent": "refund"}, field="agent", value="billing", support=20, seen=20, bound=0.88)
FADING = msgspec.structs.replace(LUNCH, support=3, bound=0.1, fading=True)
lessons = st.lists(st.sampled_from([COFFEE, LUNCH, REFUND, FADING]), unique_by=lambda each: each.id)
bounds = st.none() | st.floats(0, 1)


def lesson(state: UserState | None, *learned: Learned, bound: float | None = None) -> Lesson:
    events, kept_back = conclude(state, "ada", learned, bound, NOW)
    return Lesson.of(events, 0, kept_back)


def known(*learned: Learned, bound: float | None = None) -> UserState:
    state = fold(None, concluded(None, *learned, bound=bound))
    assert state is not None
    return state


def concluded(state: UserState | None, *learned: Learned, bound: float | None = None) -> list[UserEvent]:
    return conclude(state, "ada", learned, bound, NOW)[0]


def test_without_a_bound_people_decide() -> None:
    assert lesson(None, COFFEE, REFUND) == Lesson([COFFEE.id, REFUND.id], [], 0)


def test_with_one_rules_that_reach_it_are_accepted_with_the_reason() -> None:
    events = concluded(None, COFFEE, REFUND, bound=0.8)
    assert Lesson.of(events, 5) == Lesson([COFFEE.id, REFUND.id], [REFUND.id], 5)
    assert [event.originator_version for event in events] == [1, 2, 3]
    assert msgspec.to_builtins(events[-1])["reason"] == "accepted by itself: its bound 0.880 is at least 0.8"


def test_a_rule_that_was_proposed_before_is_accepted_with_its_new_figures_once_it_reaches_the_bound() -> None:
    stronger = msgspec.structs.replace(COFFEE, support=17, seen=18, bound=0.803)
    proposed, accepted = concluded(known(COFFEE), stronger, bound=0.8)
    assert isinstance(proposed, RuleProposed)
    assert (proposed.support, proposed.seen, proposed.bound) == (17, 18, 0.803)
    assert isinstance(accepted, RuleAccepted)
    assert (accepted.bound, accepted.reason) == (0.803, "accepted by itself: its bound 0.803 is at least 0.8")


def test_figures_that_were_said_are_not_said_again_when_the_rule_is_accepted() -> None:
    assert lesson(known(COFFEE), COFFEE, bound=0.65) == Lesson([], [COFFEE.id], 0)


def test_a_rule_that_fades_is_said_once_and_never_accepted_by_itself() -> None:
    fading = msgspec.structs.replace(COFFEE, support=9, seen=20, bound=0.3, fading=True)
    state = known(COFFEE)
    [event] = concluded(state, fading, bound=0.1)
    assert isinstance(event, RuleProposed)
    assert (event.fading, event.support, event.seen) == (True, 9, 20)
    state = fold(state, [event]) or state
    more = msgspec.structs.replace(fading, support=30, seen=80)
    assert concluded(state, more, bound=0.1) == []
    assert lesson(state, COFFEE).proposed == [COFFEE.id]
    assert lesson(None, fading) == Lesson([], [], 0)


def test_people_may_accept_a_rule_that_fades() -> None:
    state = known(COFFEE)
    state = fold(state, concluded(state, msgspec.structs.replace(COFFEE, fading=True))) or state
    assert len(accept(state, COFFEE.id, NOW)) == 1


def test_what_is_known_is_looked_at_again_unless_it_lies_ahead_of_the_views() -> None:
    ahead = msgspec.structs.replace(REFUND, events=[7, 9], requests=[3])
    state = known(COFFEE, ahead)
    assert still_known(state, [], (8, 3)) == [COFFEE.rule]
    assert still_known(state, [], (9, 2)) == [COFFEE.rule]
    assert still_known(state, [COFFEE], (9, 3)) == [REFUND.rule]
    state = fold(state, reject(state, REFUND.id, NOW)) or state
    assert still_known(state, [COFFEE], (9, 3)) == []
    assert still_known(None, [], (9, 3)) == []


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
    state = known(*many, bound=0.5)
    assert len(state.rules) == MAX_AT_ONCE
    assert len(lesson(state, *many, bound=0.5).accepted) == 7


def test_no_more_of_an_intent_wait_than_people_can_look_at() -> None:
    many = [msgspec.structs.replace(COFFEE, field=f"f{n}") for n in range(MAX_OPEN_OF_INTENT + 2)]
    assert lesson(None, *many, REFUND) == Lesson([*(each.id for each in many[:-2]), REFUND.id], [], 0, 2)
    state = known(*many)
    assert lesson(state, *many).kept_back == 2
    state = fold(state, reject(state, many[0].id, NOW)) or state
    state = fold(state, concluded(state, msgspec.structs.replace(many[1], fading=True))) or state
    assert lesson(state, *many[2:]).proposed == [each.id for each in many[-2:]]


def test_nor_of_all_intents() -> None:
    many = [msgspec.structs.replace(COFFEE, when={"intent": f"i{n}"}) for n in range(MAX_OPEN + 3)]
    assert lesson(None, *many).kept_back == 3
    assert lesson(None, *many, bound=0.6).kept_back == 0


@given(lessons, lessons, bounds)
def test_the_same_lesson_twice_says_nothing_new(
    before: list[Learned], learned: list[Learned], bound: float | None
) -> None:
    state = fold(None, concluded(None, *before, bound=bound))
    after = fold(state, concluded(state, *learned, bound=bound))
    assert concluded(after, *learned, bound=bound) == []
    fields = [
        (str(each.rule.when), each.rule.field)
        for each in (after.rules.values() if after else ())
        if each.status == "accepted"
    ]
    assert len(fields) == len(set(fields))
