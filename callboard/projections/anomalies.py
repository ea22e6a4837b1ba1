"""When a user's day is far off their own past: the rule, on numbers alone.

Both tests ask two things of the day. It has to lie beyond every single day of the past; of days that follow no trend
this happens to at most two of ``past + 1``, whatever their distribution. And a test that allows for days that differ
more than chance has to find it too far out:

- **requests**: Student's t for one more value of the same kind, on square roots of the counts, whose spread is taken
  from the past and never as less than that of a Poisson count. A day with more than usual has to be too far out on
  logarithms as well: very uneven days have long upper tails, which roots do not shorten enough.
- **failures**: Fisher's exact test of the day against the past, after both are divided by the dispersion of the past.
"""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

PAST_DAYS: Final = 28
MIN_PAST_DAYS: Final = 14
"""How many whole days a user has to be known for."""

LEVEL: Final = 0.001
"""p-value, of both sides together, below which a test reports a day: the share of false alarms is less than this."""

_SHIFT: Final = 0.375
_LEAST_SPREAD: Final = 0.5
"""Of ``sqrt(count + 3/8)`` for Poisson counts of any mean that is not small."""

_ONE: Final = 1
_TINY: Final = 1e-300
_STEPS: Final = 300
_CLOSE: Final = 1e-12


class Oddity(Struct, frozen=True, kw_only=True):
    """What is far off: ``seen`` that day, ``expected`` by the past, and how probable as much or more would be."""

    seen: int
    expected: float
    p_value: float


def odd_requests(past: Sequence[int], seen: int) -> Oddity | None:
    """Return what is odd about ``seen`` requests after days with ``past`` requests (0 for a day without), or None."""
    if len(past) < MIN_PAST_DAYS or min(past) <= seen <= max(past):
        return None
    expected = math.fsum(past) / len(past)
    p_value = _p_value([math.sqrt(count + _SHIFT) for count in past], math.sqrt(seen + _SHIFT), _LEAST_SPREAD)
    if seen > expected:
        # What Poisson counts of this mean spread, at least; below a mean of 1 the formula would come down again.
        least = math.sqrt(max(_ONE, expected)) / (max(_ONE, expected) + _ONE)
        p_value = max(p_value, _p_value([math.log(count + _ONE) for count in past], math.log(seen + _ONE), least))
    if p_value >= LEVEL:
        return None
    return Oddity(seen=seen, expected=expected, p_value=p_value)


def _p_value(past: Sequence[float], seen: float, least_spread: float) -> float:
    """Return how probable one more value as far from the mean of ``past`` as ``seen`` is (Student's t)."""
    mean = math.fsum(past) / len(past)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in past) / (len(past) - 1))
    t = (seen - mean) / (max(least_spread, spread) * math.sqrt(1 + 1 / len(past)))
    return student_two_sided(t, len(past) - 1)


def odd_failures(past: Sequence[tuple[int, int]], seen: tuple[int, int]) -> Oddity | None:
    """Return what is odd about a day's requests and failures after days with ``past`` ones, or None.

    Days without requests are no part of ``past``.
    """
    requests, failures = seen
    if len(past) < MIN_PAST_DAYS or not requests:
        return None
    shares = [failed / count for count, failed in past]
    if min(shares) <= failures / requests <= max(shares):
        return None
    before, failed_before = sum(count for count, _ in past), sum(failed for _, failed in past)
    share = failed_before / before
    scale = _dispersion(past, share)
    p_value = fisher_two_sided(
        int(failures / scale), int(requests / scale), int(failed_before / scale), int(before / scale)
    )
    if p_value >= LEVEL:
        return None
    return Oddity(seen=failures, expected=share * requests, p_value=p_value)


def _dispersion(past: Sequence[tuple[int, int]], share: float) -> float:
    """Return how much more the failures differ from day to day than chance explains: 1 is not at all."""
    spread = share * (1 - share)
    if not spread:
        return 1.0
    squares = math.fsum((failed - count * share) ** 2 / (count * spread) for count, failed in past)
    return max(1.0, squares / (len(past) - 1))


def student_two_sided(t: float, freedom: int) -> float:
    """Return how probable a Student's t of ``freedom`` degrees is to lie as far from 0 as ``t``, on either side."""
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def fisher_two_sided(failures: int, requests: int, failed_before: int, before: int) -> float:
    """Return twice the smaller tail of the hypergeometric distribution, at most 1: Fisher's exact test."""
    failed, total = failures + failed_before, requests + before
    low, high = max(0, failed - before), min(failed, requests)
    if not requests or not before or low == high:
        return 1.0
    tail = range(failures, high + 1) if failures * total > failed * requests else range(low, failures + 1)
    base = _choices(total, requests)
    one_sided = math.fsum(
        math.exp(_choices(failed, each) + _choices(total - failed, requests - each) - base) for each in tail
    )
    return min(1.0, 2 * one_sided)


def _choices(count: int, chosen: int) -> float:
    return math.lgamma(count + 1) - math.lgamma(chosen + 1) - math.lgamma(count - chosen + 1)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularized incomplete beta function by its continued fraction (Lentz)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x > (a + 1) / (a + b + 2):
        return 1 - front * _fraction(b, a, 1 - x) / b
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d
    for step in range(1, _STEPS):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        for term in (even, odd):
            d = 1 / _not_zero(1 + term * d)
            c = _not_zero(1 + term / c)
            value *= d * c
        if abs(d * c - 1) < _CLOSE:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
