"""The pauses between attempts: full jitter below an exponential, never above the cap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.backoff import Backoff
from callboard.actors.retrying import MAX_AFTER_SECONDS

seconds = st.floats(0, MAX_AFTER_SECONDS)
factors = st.floats(1, 1e300)
shares = st.floats(0, 1)


def test_by_default_the_longest_pause_doubles_from_a_second_to_five_minutes() -> None:
    longest = [Backoff().longest_seconds(failures) for failures in range(1, 11)]
    assert longest == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]


@given(seconds, factors, seconds, st.integers(1, 1_000), shares)
def test_a_pause_is_never_negative_nor_above_the_exponential_or_the_cap(
    base: float, factor: float, cap: float, failures: int, share: float
) -> None:
    backoff = Backoff(base, factor, cap)
    longest = backoff.longest_seconds(failures)
    assert 0 <= backoff.seconds(failures, share) <= longest <= cap
    if failures == 1:
        assert longest == min(base, cap)


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_chance_takes_any_share_of_it(share: float) -> None:
    assert Backoff(1, 3, 100).seconds(3, share) == 9 * share


@given(factors, st.integers(1, 1_000), shares)
def test_a_base_of_nothing_is_no_pause(factor: float, failures: int, share: float) -> None:
    assert Backoff(0, factor, 300).seconds(failures, share) == 0
