"""A sketch as it stands in one row: bytes that percentiles are taken of.

The bytes are three columns, one behind the other and little-endian: the buckets in their order (2 bytes each), how many
values each has (4), and their sums in microseconds (8). Equal values give equal bytes, in whatever order they came.
"""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Final, Self

from callboard.projections.sketch import rank

_BUCKET, _COUNT, _TOTAL = "H", "I", "Q"
_WIDTHS: Final = (2, 4, 8)


class Histogram:
    """How many values each bucket has, and their sums in microseconds, in the order of the buckets."""

    def __init__(self, buckets: "array[int]", counts: "array[int]", totals: "array[int]") -> None:
        self.buckets, self.counts, self.totals = buckets, counts, totals

    @classmethod
    def of(cls, values: Mapping[int, tuple[int, int]]) -> Self:
        """Return the histogram of ``values``: count and sum by bucket."""
        buckets = sorted(values)
        counts, totals = zip(*(values[bucket] for bucket in buckets), strict=True) if buckets else ((), ())
        return cls(array(_BUCKET, buckets), array(_COUNT, counts), array(_TOTAL, totals))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Return what :meth:`pack` gave ``data`` for."""
        size = len(data) // sum(_WIDTHS)
        counts, totals = size * _WIDTHS[0], size * (_WIDTHS[0] + _WIDTHS[1])
        parts = data[:counts], data[counts:totals], data[totals:]
        return cls(*(_little(array(code, part)) for code, part in zip((_BUCKET, _COUNT, _TOTAL), parts, strict=True)))

    def pack(self) -> bytes:
        """Return it as bytes."""
        return b"".join(_little(column[:]).tobytes() for column in (self.buckets, self.counts, self.totals))

    def held(self, bucket: int) -> tuple[int, int]:
        """Return how many values are in ``bucket``, and their sum."""
        place = bisect_left(self.buckets, bucket)
        if place < len(self.buckets) and self.buckets[place] == bucket:
            return self.counts[place], self.totals[place]
        return 0, 0


def _little(column: "array[int]") -> "array[int]":
    """Return ``column`` with its bytes turned round where this machine has them the other way."""
    if sys.byteorder == "big":
        column.byteswap()
    return column


def quantiles(parts: Sequence[Histogram], shares: Sequence[float]) -> list[float | None]:
    """Return, for each of ``shares``, the smallest value in microseconds that this share of all do not exceed.

    The values of all ``parts``, none of them empty, are taken together. What is returned is less than 1 % wrong; None
    without any.
    """
    if not parts:
        return [None] * len(shares)
    buckets, counts = _merged(parts)
    up_to = list(accumulate(counts))
    places = [bisect_right(up_to, rank(up_to[-1], share)) for share in shares]
    return [_mean(parts, buckets[place]) for place in places]


def _merged(parts: Sequence[Histogram]) -> tuple[Sequence[int], Sequence[int]]:
    """Return the buckets of all ``parts`` in their order, and how many values each has."""
    first, *others = parts
    if not others:
        return first.buckets, first.counts
    merged = dict(zip(first.buckets, first.counts, strict=True))
    had = merged.get
    for part in others:
        for bucket, count in zip(part.buckets, part.counts, strict=True):
            merged[bucket] = had(bucket, 0) + count
    buckets = sorted(merged)
    return buckets, [merged[bucket] for bucket in buckets]


def _mean(parts: Sequence[Histogram], bucket: int) -> float:
    found = [part.held(bucket) for part in parts]
    return sum(total for _, total in found) / sum(count for count, _ in found)
