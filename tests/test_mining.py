"""Rules are found where they are, with figures that anybody can count again, and hardly ever where chance made them."""

import math
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.events.rule import AGENT, INTENT, Facts, Learned, same
from callboard.learning.figures import RECENT, lower_bound, unlikely, unlikely_among
from callboard.learning.mining import mine
from callboard.learning.observation import Observation
from callboard.learning.thresholds import Thresholds

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DEFAULTS = Thresholds()

values = st.sampled_from([0, 1, True, False, "a", "b", 1.5])
facts = st.fixed_dictionaries(
    {}, optional={INTENT: st.sampled_from(["x", "y"]), "f": values, "g": values, "h": values, AGENT: values}
)
observations = st.lists(
    st.builds(
        Observation,
        log=st.sampled_from(["events", "requests"]),
        seq=st.integers(1, 60),
        facts=facts,
    ),
    max_size=45,
).filter(lambda seen: all(sum(each.facts.get(INTENT) == intent for each in seen) <= RECENT for intent in "xy"))
thresholds = st.builds(Thresholds, support=st.integers(1, 6), confidence=st.floats(0.51, 1), bound=st.floats(0, 1))


def days(said: Iterable[Facts]) -> list[Observation]:
    """Return lines of the request log that state these facts, one a day from a Tuesday on."""
    return [Observation.of("requests", seq, each, MONDAY + timedelta(days=seq)) for seq, each in enumerate(said, 1)]


def texts(found: Iterable[Learned]) -> list[str]:
    return [each.text for each in found]


def unique(seen: Iterable[Observation]) -> list[Observation]:
    """Return each observation with an intent once, the last one said of it."""
    places: dict[tuple[str, str, int], Observation] = {}
    for each in seen:
        places[str(each.facts.get(INTENT)), each.log, each.seq] = each
    return [each for each in places.values() if INTENT in each.facts]


def wilson(support: int, seen: int) -> float:
    """Return Wilson's lower bound as the smaller root of (share - p)² = z² p (1 - p) / n."""
    share, c = support / seen, 1.645**2 / seen
    a, b = 1 + c, -(2 * share + c)
    return (-b - math.sqrt(max(0.0, b * b - 4 * a * share * share))) / (2 * a)


@given(observations, thresholds)
@settings(deadline=None)
def test_the_figures_are_those_that_counting_gives(seen: list[Observation], wanted: Thresholds) -> None:
    for found in mine(seen, wanted):
        cases = [each for each in unique(seen) if found.holds(each.facts) and found.field in each.facts]
        right = [each for each in cases if same(each.facts[found.field], found.value)]
        assert (found.seen, found.support) == (len(cases), len(right))
        assert found.bound == pytest.approx(wilson(len(right), len(cases)), abs=1e-9)
        assert found.events == sorted(each.seq for each in right if each.log == "events")
        assert found.requests == sorted(each.seq for each in right if each.log == "requests")


@given(observations, thresholds)
@settings(deadline=None)
def test_no_rule_stays_below_a_threshold(seen: list[Observation], wanted: Thresholds) -> None:
    for found in mine(seen, wanted):
        assert found.support >= wanted.support
        assert found.confidence >= wanted.confidence
        assert found.bound >= wanted.bound
        assert INTENT in found.when
        assert len(found.when) <= 2
        assert found.field not in found.when
        assert AGENT not in found.when


@given(observations, thresholds)
@settings(deadline=None)
def test_every_rule_with_the_intent_alone_is_found_and_then_none_with_more(
    seen: list[Observation], wanted: Thresholds
) -> None:
    found = {(rule.when[INTENT], rule.field, str(rule.value)) for rule in mine(seen, wanted) if len(rule.when) == 1}
    special = {(rule.when[INTENT], rule.field) for rule in mine(seen, wanted) if len(rule.when) == 2}
    rules = expected(unique(seen), wanted)
    enough = all(sum(each.facts[INTENT] == intent for each in unique(seen)) >= wanted.support for intent in "xy")
    alike = {(field, value) for intent, field, value in rules if field != AGENT and intent == "x" and enough}
    alike &= {(field, value) for intent, field, value in rules if intent == "y"}
    assert found == {rule for rule in rules if rule[1:] not in alike}
    assert not {rule[:2] for rule in rules} & special


def expected(seen: list[Observation], wanted: Thresholds) -> set[tuple[str, str, str]]:
    """Return intent, field and value of each rule with the intent alone, counted one by one."""
    out = set()
    for intent in "xy":
        for field in ("f", "g", "h", AGENT):
            said = [each.facts[field] for each in seen if each.facts[INTENT] == intent and field in each.facts]
            for value in said:
                support = sum(same(value, other) for other in said)
                enough = support >= wanted.support and support / len(said) >= wanted.confidence
                if enough and lower_bound(support, len(said)) >= wanted.bound:
                    out.add((intent, field, str(value)))
    return out


@given(observations, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_what_was_seen_makes_no_difference(seen: list[Observation], chance: random.Random) -> None:
    seen = unique(seen)
    assert mine(seen, DEFAULTS) == mine(chance.sample(seen, len(seen)), DEFAULTS)


def test_a_habit_is_found_with_the_lines_that_show_it() -> None:
    seen = days({INTENT: "meeting", "time": "15:00" if n != 4 else "16:00"} for n in range(10))
    [found] = mine(seen, DEFAULTS)
    assert found.text == 'when intent is "meeting", then time is "15:00"'
    assert (found.support, found.seen, found.requests) == (9, 10, [1, 2, 3, 4, 6, 7, 8, 9, 10])


def test_a_second_condition_is_found_where_the_intent_alone_says_too_little() -> None:
    chance = random.Random(5)
    seen = days(
        {
            INTENT: "meeting",
            "kind": kind,
            "time": "15:00" if kind == "coffee" else "12:30",
            "room": chance.randrange(6),
        }
        for kind in chance.choices(["coffee", "lunch"], k=40)
    )
    assert sorted(texts(mine(seen, DEFAULTS))) == [
        'when intent is "meeting" and kind is "coffee", then time is "15:00"',
        'when intent is "meeting" and kind is "lunch", then time is "12:30"',
    ]


def test_a_day_of_the_week_may_be_a_condition_and_nothing_follows_to_it() -> None:
    chance = random.Random(3)
    seen = days({INTENT: "order", "dish": "fish" if n % 7 == 3 else f"dish {chance.randrange(9)}"} for n in range(140))
    assert texts(mine(seen, DEFAULTS)) == ['when intent is "order" and weekday is "friday", then dish is "fish"']


def test_two_facts_that_always_come_together_make_one_rule() -> None:
    seen = days(
        {INTENT: "meeting", "kind": kind, "colour": f"{kind} red", "time": kind} for kind in ["coffee", "lunch"] * 30
    )
    assert len([rule for rule in mine(seen, DEFAULTS) if rule.field == "time"]) == 2


def test_what_the_facts_call_an_agent_is_none() -> None:
    stated = [Observation.of("requests", n, {INTENT: "x", AGENT: "a"}, None) for n in range(10)]
    asked = [Observation.of("events", n, {INTENT: "x", AGENT: "a"}, None, agent="b") for n in range(10)]
    assert mine(stated, DEFAULTS) == []
    assert texts(mine(stated + asked, DEFAULTS)) == ['when intent is "x", then agent is "b"']


def test_true_is_not_one() -> None:
    seen = days({INTENT: "x", "f": True if n % 2 else 1} for n in range(20))
    assert mine(seen, DEFAULTS) == []
    [found] = mine(days({INTENT: "x", "f": True} for _ in range(20)), DEFAULTS)
    assert found.value is True


@pytest.mark.parametrize("fields", [{}, {"name": "x"}])
def test_fields_without_end_cost_nothing_and_give_nothing(fields: Facts) -> None:
    assert mine(days({INTENT: "x", f"f{n}": n, **fields} for n in range(4)), DEFAULTS) == []
    whole = mine(days({INTENT: f"i{n % 400}", **{f"f{k}": n % 400 for k in range(32)}} for n in range(2_000)), DEFAULTS)
    assert len(whole) == 500


def test_chance_alone_gives_no_rule() -> None:
    chance = random.Random(11)
    found = []
    for _ in range(150):
        seen = days(
            {INTENT: f"i{chance.randrange(3)}", **{name: chance.randrange(4) for name in "abcdef"}} for _ in range(200)
        )
        found += texts(mine(seen, DEFAULTS))
    assert found == []


@given(st.integers(1, 40), st.data())
def test_how_unlikely_something_is_is_never_said_too_high(seen: int, data: st.DataObject) -> None:
    support = data.draw(st.integers(1, seen))
    share = data.draw(st.floats(0.05, 1))
    assert 2.718281828 ** -unlikely(support, seen, share) >= tail(support, seen, share) - 1e-9


@given(st.integers(1, 60), st.data())
def test_how_unlikely_a_draw_is_is_exact(total: int, data: st.DataObject) -> None:
    seen = data.draw(st.integers(1, total))
    had = data.draw(st.integers(1, total))
    support = data.draw(st.integers(max(0, seen + had - total), min(seen, had)))
    ways = sum(math.comb(had, right) * math.comb(total - had, seen - right) for right in range(support, seen + 1))
    assert math.exp(-unlikely_among(support, seen, had, total)) == pytest.approx(ways / math.comb(total, seen))


def test_two_kinds_of_meetings_are_told_apart_by_a_few_of_each() -> None:
    kinds = ({"type": "coffee", "time": "15:00"}, {"type": "lunch", "time": "12:30"})
    found = texts(mine(days({INTENT: "meeting", **kinds[number % 2]} for number in range(14)), DEFAULTS))
    assert sorted(found) == [
        'when intent is "meeting" and type is "coffee", then time is "15:00"',
        'when intent is "meeting" and type is "lunch", then time is "12:30"',
    ]


def tail(support: int, seen: int, share: float) -> float:
    """Return how likely ``support`` or more of ``seen`` are, each with the probability ``share``."""
    chances = [1.0]
    for _ in range(seen):
        chances = [
            (chances[n] if n < len(chances) else 0) * (1 - share) + (chances[n - 1] * share if n else 0)
            for n in range(len(chances) + 1)
        ]
    return sum(chances[support:])
