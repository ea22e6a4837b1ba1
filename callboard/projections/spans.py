"""The lengths of time that tallies are kept for, and how few of them make up a window."""

from collections.abc import Iterator
from typing import Final, NamedTuple

MINUTE: Final = 60_000_000
"""Microseconds."""

HOUR: Final = 60
DAY: Final = 1_440
SPANS: Final = (1, HOUR, DAY, 43_200)
"""Minutes: a minute, an hour, a day, 30 days. Each is a multiple of the one before, and all begin in 1970."""

EVER: Final = 0
"""The span of everything, whenever it was; its one row has the place 0."""

_FAR: Final = 43_200 * 30_000
"""A minute beyond the calendar, on either side of 1970."""


class Stretch(NamedTuple):
    """Rows of ``span`` minutes each, from place ``first`` on and before ``last``."""

    span: int
    first: int
    last: int


def stretches(start: int | None, end: int | None, coarsest: int = EVER) -> list[Stretch]:
    """Return what makes up the minutes from ``start`` on and before ``end``, in spans up to ``coarsest``.

    None is no bound. Minutes are counted from 1970.
    """
    if start is None and end is None and coarsest == EVER:
        return [Stretch(EVER, 0, 1)]
    spans = [span for span in reversed(SPANS) if coarsest == EVER or span <= coarsest]
    return list(_split(-_FAR if start is None else start, _FAR if end is None else end, spans))


def _split(start: int, end: int, spans: list[int]) -> Iterator[Stretch]:
    if start >= end:
        return
    span, *finer = spans
    first, last = -(-start // span), end // span
    if first >= last:
        yield from _split(start, end, finer)
        return
    yield from _split(start, first * span, finer)
    yield Stretch(span, first, last)
    yield from _split(last * span, end, finer)
