"""Percentiles are taken of packed sketches, several together, as they would be of one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.projections.histogram import Histogram, quantiles
from callboard.projections.sketch import LONGEST, Sketch, bucket_of

lengths = st.one_of(st.integers(0, 10**6), st.integers(0, LONGEST))
many = st.lists(lengths, min_size=1, max_size=60)
SHARES = (0.01, 0.5, 0.95, 1.0)


def histogram_of(values: list[int]) -> Histogram:
    found: dict[int, tuple[int, int]] = {}
    for value in values:
        count, total = found.get(bucket_of(value), (0, 0))
        found[bucket_of(value)] = (count + 1, total + value)
    return Histogram.of(found)


@given(st.lists(many, min_size=1, max_size=4))
def test_parts_have_the_percentiles_of_the_whole(parts: list[list[int]]) -> None:
    sketch = Sketch()
    for value in (value for part in parts for value in part):
        sketch.add(bucket_of(value), 1, value)

    found = quantiles([histogram_of(part) for part in parts], SHARES)

    assert found == pytest.approx([sketch.quantile(share) for share in SHARES])


@given(many)
def test_equal_values_are_equal_bytes_and_come_back(values: list[int]) -> None:
    turned = sorted(values, reverse=True)
    histogram = histogram_of(values)

    packed = histogram.pack()

    assert packed == histogram_of(turned).pack()
    again = Histogram.unpack(packed)
    assert (again.buckets, again.counts, again.totals) == (histogram.buckets, histogram.counts, histogram.totals)
    assert again.held(bucket_of(values[0]))[0] == sum(bucket_of(value) == bucket_of(values[0]) for value in values)


def test_the_bytes_are_columns_with_the_low_byte_first() -> None:
    assert Histogram.of({3: (1, 2), 258: (7, 5)}).pack() == (
        b"\x03\x00\x02\x01" + b"\x01\x00\x00\x00\x07\x00\x00\x00" + b"\x02" + bytes(7) + b"\x05" + bytes(7)
    )


def test_without_values_there_is_nothing() -> None:
    assert quantiles([], SHARES) == [None] * len(SHARES)
    assert Histogram.of({}).pack() == b""
    assert Histogram.unpack(b"").held(5) == (0, 0)
