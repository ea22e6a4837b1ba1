"""A query over the projection ``tasks`` for whoever tidies up: tasks that ended long ago."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import json

from callboard.projections.times import micros

# The tasks of a status are most of all there are: in the order of the table, a walk through all of them reads each row
# once. An index would cost every task two writes.
_SELECT = """
SELECT n, id, version FROM tasks
WHERE n > ? AND finished_at < ? AND +status IN (SELECT value FROM json_each(?)) ORDER BY n LIMIT ?
"""


class Ended(NamedTuple):
    """A task that has ended: its place in the view, its id, and the version of its last event."""

    n: int
    id: str
    version: int


def ended(
    connection: sqlite3.Connection, statuses: Sequence[str], before: datetime, above: int, limit: int
) -> list[Ended]:
    """Return up to ``limit`` tasks in ``statuses`` that ended ``before``, by place, from behind ``above`` on."""
    values = (above, micros(before), json.encode(statuses).decode(), limit)
    return [Ended(*row) for row in connection.execute(_SELECT, values).fetchall()]
