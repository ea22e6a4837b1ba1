"""A user's day far off their own past: what is found, what is not, and how often by mistake."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.projections.anomalies import (
    LEVEL,
    MIN_PAST_DAYS,
    PAST_DAYS,
    fisher_two_sided,
    odd_failures,
    odd_requests,
    student_two_sided,
)

USERS = 10_000
counts = st.integers(0, 10_000)
days = st.tuples(st.integers(1, 500), st.integers(0, 500)).map(lambda day: (day[0], min(day)))
Draw = Callable[[random.Random], int]


def poisson(chance: random.Random, mean: float) -> int:
    """Return how many moments of an even stream fall into one unit of time."""
    if mean > 30:
        return poisson(chance, mean / 2) + poisson(chance, mean / 2)
    count, left = 0, chance.random()
    while left > math.exp(-mean):
        count, left = count + 1, left * chance.random()
    return count


def uneven(mean: float, shape: float) -> Draw:
    """Return what draws negative binomial counts, whose variance is mean + mean² / shape."""
    return lambda chance: poisson(chance, chance.gammavariate(shape, mean / shape))


def test_what_lies_in_the_past_is_no_anomaly() -> None:
    assert odd_requests([10, 12, 9, 30, 11] * 5, 30) is None
    assert odd_failures([(10, 1), (10, 5), (10, 0)] * 8, (100, 50)) is None


@pytest.mark.parametrize(
    ("past", "seen"), [([20] * 28, 60), ([20, 22, 19, 25] * 7, 0), ([0] * 28, 40), ([900, 1100] * 14, 3000)]
)
def test_many_more_or_less_than_ever_is_found(past: list[int], seen: int) -> None:
    found = odd_requests(past, seen)
    assert found is not None
    assert (found.seen, found.expected) == (seen, sum(past) / len(past))
    assert 0 <= found.p_value < LEVEL


@pytest.mark.parametrize(("day", "seen"), [((100, 30), 30), ((100, 3), None), ((100, 0), None), ((1, 1), None)])
def test_a_share_of_failures_never_seen_before_is_found(day: tuple[int, int], seen: int | None) -> None:
    found = odd_failures([(100, 2), (50, 1), (80, 1), (120, 2)] * 7, day)
    assert (found and found.seen) == seen


def test_failures_that_end_are_found() -> None:
    assert odd_failures([(50, 20), (60, 25)] * 14, (55, 0)) is not None


def test_a_short_past_says_nothing() -> None:
    assert odd_requests([10] * (MIN_PAST_DAYS - 1), 10_000) is None
    assert odd_failures([(10, 0)] * (MIN_PAST_DAYS - 1), (10, 10)) is None


@pytest.mark.parametrize(("mean", "shape"), [(0.3, 1.0), (3.0, 0.5), (3.0, 2.0), (20.0, 1.0), (20.0, 5.0), (20.0, 1e6)])
def test_false_alarms_about_requests_are_rarer_than_stated(mean: float, shape: float) -> None:
    chance, draw = random.Random(11), uneven(mean, shape)
    # What the rule asks first, whether the day lies beyond all others, rules most users out without any sum.
    odd = sum(
        odd_requests([draw(chance) for _ in range(PAST_DAYS)], draw(chance)) is not None for _ in range(USERS // 4)
    )
    assert odd / (USERS // 4) <= LEVEL


def test_false_alarms_about_requests_of_ten_thousand_users_are_rarer_than_stated() -> None:
    chance = random.Random(5)
    odd = 0
    for _ in range(USERS):
        draw = uneven(math.exp(chance.uniform(-2, 3)), math.exp(chance.uniform(0, 4)))
        past = [draw(chance) for _ in range(chance.randint(MIN_PAST_DAYS, PAST_DAYS))]
        odd += odd_requests(past, draw(chance)) is not None
    assert odd / USERS <= LEVEL


def test_false_alarms_about_failures_of_ten_thousand_users_are_rarer_than_stated() -> None:
    chance = random.Random(6)
    odd = 0
    for _ in range(USERS):
        share, size = chance.choice([0.01, 0.1, 0.5]), chance.choice([1, 5, 20])
        drawn = [(size, sum(chance.random() < share for _ in range(size))) for _ in range(MIN_PAST_DAYS + 1)]
        odd += odd_failures(drawn[1:], drawn[0]) is not None
    assert odd / USERS <= LEVEL


@given(st.lists(counts, max_size=PAST_DAYS), counts)
def test_any_counts_have_an_answer(past: list[int], seen: int) -> None:
    found = odd_requests(past, seen)
    assert found is None or (len(past) >= MIN_PAST_DAYS and not min(past) <= seen <= max(past))
    assert found is None or 0 <= found.p_value < LEVEL


@given(st.lists(days, max_size=PAST_DAYS), days)
def test_any_failures_have_an_answer(past: list[tuple[int, int]], seen: tuple[int, int]) -> None:
    found = odd_failures(past, seen)
    assert found is None or 0 <= found.p_value < LEVEL


def test_the_distributions_are_those_of_the_tables() -> None:
    for freedom, t, p_value in [(1, 12.706, 0.05), (27, 2.0518, 0.05), (13, 4.2208, 0.001), (27, 3.6896, 0.001)]:
        assert student_two_sided(t, freedom) == pytest.approx(p_value, rel=1e-3)
        assert student_two_sided(-t, freedom) == pytest.approx(p_value, rel=1e-3)
    assert student_two_sided(0, 20) == pytest.approx(1)
    tail = sum(math.comb(9, n) * math.comb(7, 10 - n) for n in (8, 9)) / math.comb(16, 10)
    assert fisher_two_sided(8, 10, 1, 6) == pytest.approx(2 * tail)
