"""When to try again."""

from collections.abc import Callable

_LAST_DOUBLING = 62
"""Beyond it any base is above any cap, and floats are not."""


def delay_seconds(
    attempt: int, base: float, cap: float, retry_after: float | None, random: Callable[[], float]
) -> float:
    """Return how long to wait after ``attempt`` (from 1) failed, in seconds, never above ``cap``.

    A random share of ``base`` doubled with each attempt (full jitter, so that deliveries that failed together do not
    come back together), on top of what the receiver asked for in ``retry_after``. ``random`` returns 0-1.
    """
    ceiling = min(cap, base * 2.0 ** min(attempt - 1, _LAST_DOUBLING))
    return min(cap, max(0.0, retry_after or 0.0) + random() * ceiling)
