"""A sketch is less than 1 % away from the exact percentile, and parts add up to the whole."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.projections.sketch import LONGEST, Sketch, borders, bucket_of, rank

lengths = st.one_of(st.integers(0, 1_000), st.integers(0, 10**9), st.integers(0, LONGEST))
many = st.lists(lengths, min_size=1, max_size=60)
shares = st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1.0])


def sketch_of(*parts: list[int]) -> Sketch:
    sketch = Sketch()
    for part in parts:
        for value in part:
            sketch.add(bucket_of(value), 1, value)
    return sketch


@given(many, shares)
def test_a_percentile_is_less_than_one_percent_away(values: list[int], share: float) -> None:
    exact = sorted(values)[rank(len(values), share)]

    found = sketch_of(values).quantile(share)

    assert found is not None
    assert abs(found - exact) <= max(0.01 * exact, 1)


@given(many, many, shares, st.randoms(use_true_random=False))
def test_parts_add_up_to_the_whole_in_any_order(
    one: list[int], other: list[int], share: float, chance: random.Random
) -> None:
    mixed = [*one, *other]
    chance.shuffle(mixed)
    parts, whole = sketch_of(one, other), sketch_of(mixed)

    assert parts.quantile(share) == whole.quantile(share)
    assert parts.mean() == whole.mean() == sum(mixed) / len(mixed)


@given(many, many, shares)
def test_what_was_added_can_be_taken_out_again(kept: list[int], gone: list[int], share: float) -> None:
    sketch = sketch_of(kept, gone)
    for value in gone:
        sketch.add(bucket_of(value), -1, -value)

    assert sketch.quantile(share) == sketch_of(kept).quantile(share)
    assert sketch.mean() == sketch_of(kept).mean()


@given(lengths)
def test_a_length_lies_between_the_borders_of_its_bucket(value: int) -> None:
    low, high = borders(bucket_of(value))

    assert low <= value
    assert high is None or value < high
    assert low == 0 or bucket_of(low - 1) < bucket_of(value)


@given(lengths)
def test_a_value_that_is_alone_is_exact(value: int) -> None:
    assert sketch_of([value]).quantile(0.5) == value


def test_without_values_there_is_no_percentile() -> None:
    assert (Sketch().quantile(0.5), Sketch().mean(), Sketch().place(0.95)) == (None, None, None)


@pytest.mark.parametrize(
    ("count", "share", "before"), [(1, 0.5, 0), (1, 0.95, 0), (2, 0.5, 0), (3, 0.5, 1), (20, 0.95, 18), (100, 0.95, 94)]
)
def test_a_percentile_is_the_nearest_rank(count: int, share: float, before: int) -> None:
    assert rank(count, share) == before
