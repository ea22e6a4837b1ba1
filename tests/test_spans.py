"""A window is made up of few spans, each minute of it in exactly one."""

from hypothesis import given
from hypothesis import strategies as st

from callboard.projections.spans import EVER, SPANS, Stretch, stretches

minutes = st.integers(0, 200_000)


@given(minutes, minutes, st.sampled_from([EVER, *SPANS]))
def test_each_minute_of_a_window_is_in_one_span(start: int, length: int, coarsest: int) -> None:
    found = stretches(start, start + length, coarsest)

    edges = sorted((each.first * each.span, each.last * each.span) for each in found)
    assert [edge for pair in edges for edge in pair][1:-1:2] == [edge for pair in edges for edge in pair][2::2]
    assert (edges[0][0], edges[-1][1]) == (start, start + length) if length else edges == []
    assert all(each.span <= coarsest for each in found) or coarsest == EVER


@given(minutes, minutes)
def test_a_window_takes_few_rows_however_long_it_is(start: int, length: int) -> None:
    found = stretches(start, start + length)

    assert sum(each.last - each.first for each in found) < 2 * (60 + 24 + 30) + length / SPANS[-1]


def test_everything_is_one_row() -> None:
    assert stretches(None, None) == [Stretch(EVER, 0, 1)]


def test_a_window_without_a_start_ends_where_it_is_to() -> None:
    assert max(each.last * each.span for each in stretches(None, 61)) == 61
    assert min(each.first * each.span for each in stretches(61, None)) == 61
