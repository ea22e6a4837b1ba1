"""What happened in stretches of time: from packed periods where these are over, from the tallies elsewhere."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from callboard.projections import activity
from callboard.projections.histogram import Histogram, quantiles
from callboard.projections.periods import FACTS, PACKED
from callboard.projections.spans import Stretch
from callboard.projections.tallies import UNTIMED, tallied

# From one place to the next, not over all rows of each.
_OPEN: Final = """
WITH RECURSIVE place (at) AS (
    SELECT min(at) FROM activity WHERE span = ?1 AND at >= ?2 AND at < ?3
    UNION ALL
    SELECT (SELECT min(at) FROM activity WHERE span = ?1 AND at > place.at AND at < ?3) FROM place WHERE at IS NOT NULL
)
SELECT at FROM place WHERE at IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM periods WHERE span = ?1 AND split = 'none' AND at = place.at
)
"""
_SUMS: Final = f"{', '.join(FACTS)}, took, times"


class Counted:
    """How often each of FACTS was so, and the times of what completed."""

    def __init__(self) -> None:
        self._sums = [0] * (len(FACTS) + 1)
        self._parts: list[Histogram] = []
        self._loose: dict[int, tuple[int, int]] = {}

    def pack(self, *row: Any) -> None:
        """Add a packed row: a number for each of FACTS, ``took`` and ``times``."""
        *sums, times = row
        self._sums = [one + more for one, more in zip(self._sums, sums, strict=True)]
        if times is not None:
            self._parts.append(Histogram.unpack(times))

    def tally(self, what: str, bucket: int, n: int, total: int) -> None:
        """Add a tally; there is one of a bucket at most."""
        self._sums[_PLACES[what]] += n
        if bucket != UNTIMED:
            self._sums[-1] += total
            self._loose[bucket] = (n, total)

    def facts(self) -> dict[str, int]:
        """Return how often each of FACTS was so."""
        return dict(zip(FACTS, self._sums, strict=False))

    def mean(self) -> float | None:
        """Return the mean time in microseconds, exactly; None without any."""
        count = self._sums[_PLACES["completed"]]
        return self._sums[-1] / count if count else None

    def quantiles(self, *shares: float) -> list[float | None]:
        """Return the times that these shares of all do not exceed, in microseconds; None without any."""
        return quantiles([*self._parts, Histogram.of(self._loose)] if self._loose else self._parts, shares)


_PLACES: Final = {what: place for place, what in enumerate(FACTS)}


def counted(
    connection: sqlite3.Connection, them: Iterable[Stretch], matches: dict[str, str | None], by: str, period: str = "0"
) -> dict[tuple[int, str], Counted]:
    """Return what was counted in ``them`` by ``period`` (SQL) and group.

    ``matches`` are columns and what they must be, None for anything. ``by`` is the column by which groups are told
    apart, or ``none``: the one group is then empty.
    """
    found = defaultdict[tuple[int, str], Counted](Counted)
    loose: list[Stretch] = []
    for stretch in them:
        if stretch.span not in PACKED:
            loose.append(stretch)
            continue
        loose += [Stretch(stretch.span, at, at + 1) for (at,) in connection.execute(_OPEN, stretch).fetchall()]
        for place, group, *row in _packed(connection, stretch, matches, by, period):
            found[place, group].pack(*row)
    for place, group, *row in tallied(connection, activity.TABLE, loose, matches, f"{period}, {_group(by)}"):
        found[place, group].tally(*row)
    return found


def _packed(
    connection: sqlite3.Connection, stretch: Stretch, matches: dict[str, str | None], by: str, period: str
) -> Iterator[tuple[Any, ...]]:
    wanted = {column: value for column, value in matches.items() if value is not None}
    conditions = "".join(f" AND {column} = ?" for column in wanted)
    sql = f"""
    SELECT {period}, {_group(by)}, {_SUMS} FROM periods
    WHERE span = ? AND split = ? AND at >= ? AND at < ?{conditions}
    """  # noqa: S608 - our own words
    span, first, last = stretch
    return connection.execute(sql, (span, _split({*wanted, by}), first, last, *wanted.values()))


def _split(columns: set[str]) -> str:
    """Return which rows tell ``columns`` apart and nothing else."""
    if {"agent", "kind"} <= columns:
        return "both"
    return "agent" if "agent" in columns else "kind" if "kind" in columns else "none"


def _group(by: str) -> str:
    return "''" if by == "none" else by
