"""Percentiles by SQL: the value at its exact place, no estimate."""

import math
import sqlite3
from collections.abc import Sequence
from typing import Any


def percentile(
    connection: sqlite3.Connection, column: str, source: str, values: Sequence[Any], count: int, share: float
) -> float | None:
    """Return the smallest of ``count`` values that ``share`` of them do not exceed (nearest rank); None without any.

    ``source`` is what follows FROM, with ``values`` for its parameters; it gives ``count`` rows, and ``column`` is
    NULL in none of them.
    """
    if not count:
        return None
    place = rank(count, share)
    # From the nearer end: what lies before the place has to be walked over, and sorted where there is no index.
    order, offset = ("ASC", place) if place <= count // 2 else ("DESC", count - 1 - place)
    sql = f"SELECT {column} FROM {source} ORDER BY {column} {order} LIMIT 1 OFFSET ?"  # noqa: S608 - our own words
    return float(connection.execute(sql, [*values, offset]).fetchone()[0])


def rank(count: int, share: float) -> int:
    """Return how many of ``count`` sorted values stand before the one that ``share`` of them do not exceed."""
    return max(0, math.ceil(count * share) - 1)
