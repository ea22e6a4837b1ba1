"""A query over the projection ``tasks`` for whoever tidies up: tasks that ended long ago."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from msgspec import json

from callboard.projections.times import micros

# The tasks of a status are most of all there are, so that only the time narrows them down. A walk through the table
# would read every input and output on its way to ``finished_at``, which lies behind them in a row.
_SELECT = """
SELECT finished_at, n, id, version FROM tasks
WHERE finished_at < ? AND (finished_at, n) > (?, ?) AND +status IN (SELECT value FROM json_each(?))
ORDER BY finished_at, n LIMIT ?
"""


class Place(NamedTuple):
    """Where a task stands among those that have ended: by the time of that, then by its place in the view."""

    finished_at: int
    n: int


FRONT: Final = Place(-(2**63), 0)
"""Before all of them, whatever their clocks said."""


class Ended(NamedTuple):
    """A task that has ended: its place, its id, and the version of its last event."""

    place: Place
    id: str
    version: int


def ended(
    connection: sqlite3.Connection, statuses: Sequence[str], before: datetime, behind: Place, limit: int
) -> list[Ended]:
    """Return up to ``limit`` tasks in ``statuses`` that ended ``before``, the oldest end first, from ``behind`` on."""
    values = (micros(before), *behind, json.encode(statuses).decode(), limit)
    found = connection.execute(_SELECT, values).fetchall()
    return [Ended(Place(finished_at, n), task_id, version) for finished_at, n, task_id, version in found]
