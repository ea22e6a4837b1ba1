"""What speaks for a rule: how often it was right, lately and in all, and whether that is more than chance. Pure."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from callboard.learning.thresholds import Thresholds

RECENT: Final = 20
"""How many of the newest cases show a change of habit."""

CHANCE: Final = 0.05
"""How likely it may be at most that chance alone makes any rule of all that are tried."""

CONDITION_CHANCE: Final = 0.01
"""The same of rules with a second condition, which are tried by the hundred each time."""

Z: Final = 1.645
"""The normal quantile of one-sided 95 %."""

K = TypeVar("K", bound=Hashable)


class Figures(NamedTuple):
    """So often was a rule right, of the cases ``seen``: a share of at least ``bound`` (0-1)."""

    support: int
    seen: int
    bound: float


class Habit(NamedTuple, Generic[K]):
    """What is usual: a ``value``, and what speaks for it; ``lately``: among the newest cases alone."""

    value: K
    figures: Figures
    lately: bool


def habit(values: Sequence[K], thresholds: Thresholds, surprise: float) -> Habit[K] | None:
    """Return what is usual among ``values``, one of each case, the oldest first; None when nothing is.

    That is what reaches the thresholds in all cases and was right in half of the newest ones at least, or what reaches
    them in the newest ones alone, if that is as surprising as ``surprise`` after what was before.
    """
    if not values:
        return None
    value, support = _most_common(values)
    newest = values[-RECENT:]
    found = reached(support, len(values), thresholds)
    if found is not None and 2 * newest.count(value) >= len(newest):
        return Habit(value, found, lately=False)
    if len(values) <= RECENT:
        return None
    value, support = _most_common(newest)
    found = reached(support, len(newest), thresholds)
    if found is None or not _is_change(values, value, support, surprise):
        return None
    return Habit(value, found, lately=True)


def standing(hits: Sequence[bool], thresholds: Thresholds) -> tuple[Figures, bool]:
    """Return what speaks now for a rule that is known, and whether it no longer reaches the thresholds.

    ``hits`` tells of each case whether the rule was right, the oldest first. The figures are those of all cases, or of
    the newest ones where these decide.
    """
    newest = hits[-RECENT:]
    whole, lately = _figures(hits), _figures(newest)
    reaches = reached(whole.support, whole.seen, thresholds) is not None
    if reaches and 2 * lately.support >= lately.seen:
        return whole, False
    if reached(lately.support, lately.seen, thresholds) is not None:
        return lately, False
    return (lately if reaches else whole), True


def reached(support: int, seen: int, thresholds: Thresholds) -> Figures | None:
    """Return the figures of a rule that reaches the thresholds, None of one that does not."""
    if support < thresholds.support or not seen or support / seen < thresholds.confidence:
        return None
    bound = lower_bound(support, seen)
    return Figures(support, seen, bound) if bound >= thresholds.bound else None


def lower_bound(support: int, seen: int) -> float:
    """Return Wilson's lower bound of a share, one-sided at 95 %, of ``support`` in ``seen`` cases, 1 or more."""
    share, square = support / seen, Z * Z / seen
    margin = Z * math.sqrt(share * (1 - share) / seen + square / (4 * seen))
    return max(0.0, (share + square / 2 - margin) / (1 + square))


def unlikely(support: int, seen: int, share: float) -> float:
    """Return how surprising ``support`` in ``seen`` cases is where the share is ``share``.

    It is minus the logarithm of a probability that is certainly not smaller than that of so much support or more
    (Hoeffding's inequality; it holds for draws without replacement, too).
    """
    found = support / seen
    if found <= share:
        return 0.0
    rest = 0.0 if found == 1 else (1 - found) * math.log((1 - found) / (1 - share))
    return seen * (found * math.log(found / share) + rest)


def unlikely_among(support: int, seen: int, had: int, total: int) -> float:
    """Return how surprising ``support`` is in ``seen`` of ``total`` cases, of which ``had`` are right in all.

    It is minus the logarithm of the probability of so much support or more, had the ``seen`` ones been drawn by chance
    (the tail of the hypergeometric distribution, which is Fisher's exact test).
    """
    most = min(seen, had)
    first = _ways(had, support) + _ways(total - had, seen - support) - _ways(total, seen)
    tail = term = 1.0
    for right in range(support, most):
        term *= (had - right) * (seen - right) / ((right + 1) * (total - had - seen + right + 1))
        tail += term
    return max(0.0, -first - math.log(tail))


def _ways(count: int, chosen: int) -> float:
    """Return the logarithm of the number of ways to choose some of so many."""
    return math.lgamma(count + 1) - math.lgamma(chosen + 1) - math.lgamma(count - chosen + 1)


def _most_common(values: Sequence[K]) -> tuple[K, int]:
    counts = Counter(values)
    value = max(counts, key=counts.__getitem__)
    return value, counts[value]


def _figures(hits: Sequence[bool]) -> Figures:
    support, seen = sum(hits), len(hits)
    return Figures(support, seen, lower_bound(support, seen) if seen else 0.0)


def _is_change(values: Sequence[K], value: K, support: int, surprise: float) -> bool:
    """Tell whether ``value`` is more common among the newest values than chance makes it after the older ones.

    The newest ones were looked at as often as there are values; and the older ones may have had it more often than
    they say: their share is taken for as large as it may be.
    """
    older = len(values) - RECENT
    had = values[:older].count(value)
    share = 1 - lower_bound(older - had, older)
    return unlikely(support, RECENT, share) >= surprise + math.log(len(values))
