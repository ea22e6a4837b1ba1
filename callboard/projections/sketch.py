"""A sketch of many lengths of time: how many there are in each of many narrow buckets.

Bucket ``i`` holds what is above ``GAMMA ** (i - 1)`` microseconds and not above ``GAMMA ** i``. The borders are fixed,
so sketches merge by adding up, in any order, and one can be taken out again. A bucket knows the sum of what is in it:
its mean stands for each of its values and is less than 1 % away from any of them, and one that is alone is exact.
"""

import math
from typing import Final, NamedTuple

GAMMA: Final = 1.01
LONGEST: Final = 1 << 48
"""Microseconds, some nine years: what is longer counts as this, so that sums stay whole numbers."""

_LOG: Final = math.log(GAMMA)


class Place(NamedTuple):
    """Where a percentile is: in which ``bucket``, behind how many of the ``held`` in it, and the mean of those."""

    bucket: int
    before: int
    held: int
    mean: float


class Sketch:
    """Counts and sums by bucket."""

    def __init__(self) -> None:
        self._buckets: dict[int, tuple[int, int]] = {}
        self.count = 0
        self.total = 0

    def add(self, bucket: int, count: int, total: int) -> None:
        """Add ``count`` values of one bucket, whose sum is ``total`` microseconds."""
        had, sum_ = self._buckets.get(bucket, (0, 0))
        self._buckets[bucket] = (had + count, sum_ + total)
        self.count += count
        self.total += total

    def mean(self) -> float | None:
        """Return the mean of all values in microseconds, exactly; None without any."""
        return self.total / self.count if self.count else None

    def place(self, share: float) -> Place | None:
        """Return where the smallest value is that ``share`` of all do not exceed; None without any."""
        before = rank(self.count, share)
        for bucket, (count, total) in sorted(self._buckets.items()):
            if before < count:
                return Place(bucket, before, count, total / count)
            before -= count
        return None

    def quantile(self, share: float) -> float | None:
        """Return that value in microseconds, less than 1 % wrong; None without any."""
        place = self.place(share)
        return None if place is None else place.mean


def rank(count: int, share: float) -> int:
    """Return how many of ``count`` sorted values stand before the one that ``share`` of them do not exceed."""
    return max(0, math.ceil(count * share) - 1)


def bucket_of(micros: int) -> int:
    """Return the bucket of a length of time in microseconds, from 0 on."""
    return 0 if micros <= 1 else math.ceil(math.log(min(micros, LONGEST)) / _LOG)


def borders(bucket: int) -> tuple[int, int | None]:
    """Return the smallest length in ``bucket`` or above it, and the smallest one above it, None when there is none."""
    return (0 if bucket <= 0 else _first(bucket), None if bucket >= bucket_of(LONGEST) else _first(bucket + 1))


def _first(bucket: int) -> int:
    micros = int(GAMMA ** (bucket - 1))
    # The logarithm has the last word on what is in the bucket: beside a power it may round either way.
    while bucket_of(micros) >= bucket:
        micros -= 1
    while bucket_of(micros) < bucket:
        micros += 1
    return micros
