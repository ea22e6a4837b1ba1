"""Hours and days that are over, each packed into few rows: what long series and windows are added up from.

They are a digest of the tallies of ``activity``, which have a row for each bucket of times. ``split`` says what a row
tells apart: ``both``, or only the ``agent`` or the ``kind``, or ``none`` of them. ``took`` is the sum of the times of
completed tasks in microseconds, ``times`` their :class:`Histogram`, NULL without any.

A period is over as soon as something happened from a quarter of an hour to thirty days behind its end: later than the
clocks of those who write are apart, and not because one of them is years ahead. What comes late all the same has the
period packed anew. So the rows depend on what is in the log and not on how it was cut.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final

from msgspec import json

from callboard.projections.histogram import Histogram
from callboard.projections.spans import DAY, HOUR
from callboard.projections.tallies import COMPLETED, UNTIMED
from callboard.projections.upsert import write_rows

TABLE: Final = "periods"
FACTS: Final = ("submitted", COMPLETED, "failed", "cancelled", "expired")
PACKED: Final = frozenset((HOUR, DAY))
"""The spans whose places have rows here."""

SCHEMA: Final = """
CREATE TABLE periods (
    span INTEGER NOT NULL,
    split TEXT NOT NULL,
    at INTEGER NOT NULL,
    agent TEXT NOT NULL,
    kind TEXT NOT NULL,
    submitted INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    expired INTEGER NOT NULL,
    took INTEGER NOT NULL,
    times BLOB,
    PRIMARY KEY (span, split, at, agent, kind)
);
"""
"""With a rowid, a row of up to a page stands in one place."""

_LATE_MINUTES: Final = 15
_QUIET_MINUTES: Final = 43_200

# Only the last two places before one that something happened in can be over by that: what happened in those behind any
# other has ended it before.
_OVER: Final = f"""
WITH touched (span, at) AS (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)
), last AS (
    SELECT span, (SELECT max(at) FROM activity WHERE span = touched.span AND at < touched.at) AS at FROM touched
), before AS (
    SELECT span, (SELECT max(at) FROM activity WHERE span = last.span AND at < last.at) AS at FROM last
)
SELECT DISTINCT span, at FROM (
    SELECT span, at, 1 AS late FROM touched
    UNION ALL SELECT span, at, 0 FROM last
    UNION ALL SELECT span, at, 0 FROM before
) AS place
WHERE (late OR NOT EXISTS (
    SELECT 1 FROM periods WHERE span = place.span AND split = 'none' AND at = place.at
)) AND EXISTS (
    SELECT 1 FROM activity WHERE span = 1
    AND at >= (place.at + 1) * place.span + {_LATE_MINUTES} AND at < (place.at + 1) * place.span + {_QUIET_MINUTES}
)
"""  # noqa: S608 - our own numbers
_FOUND: Final = "SELECT agent, kind, what, bucket, n, total FROM activity WHERE span = ? AND at = ?"
_PUT: Final = f"""
INSERT OR REPLACE INTO periods (span, at, split, agent, kind, {", ".join(FACTS)}, took, times)
SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL
"""  # noqa: S608 - our own words


class _Row:
    """What one row counts."""

    __slots__ = ("count", "times", "took")

    def __init__(self) -> None:
        self.count = dict.fromkeys(FACTS, 0)
        self.times: dict[int, tuple[int, int]] = {}
        self.took = 0

    def add(self, what: str, bucket: int, n: int, total: int) -> None:
        self.count[what] += n
        if bucket != UNTIMED:
            had, sum_ = self.times.get(bucket, (0, 0))
            self.times[bucket] = (had + n, sum_ + total)
            self.took += total

    def values(self) -> tuple[Any, ...]:
        return (*self.count.values(), self.took, Histogram.of(self.times).pack() if self.times else None)


def write(connection: sqlite3.Connection, minutes: Collection[int]) -> None:
    """Pack what is over now that the tallies of ``minutes`` were written, and what is over and has changed."""
    touched = {(span, minute // span) for minute in minutes for span in PACKED}
    if touched:
        over = connection.execute(_OVER, (json.encode(sorted(touched)).decode(),)).fetchall()
        write_rows(connection, _PUT, [row for span, at in over for row in _rows(connection, span, at)])


def _rows(connection: sqlite3.Connection, span: int, at: int) -> Iterable[tuple[Any, ...]]:
    rows = defaultdict[tuple[str, str, str], _Row](_Row)
    for agent, kind, *tally in connection.execute(_FOUND, (span, at)).fetchall():
        for key in (("both", agent, kind), ("agent", agent, ""), ("kind", "", kind), ("none", "", "")):
            rows[key].add(*tally)
    return [(span, at, *key, *row.values()) for key, row in rows.items()]
