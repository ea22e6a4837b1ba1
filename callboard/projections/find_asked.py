"""What tasks users asked for lately: queries over the projection ``tasks``."""

import sqlite3
from typing import Final, NamedTuple

from callboard.projections.find_meant import News
from callboard.projections.reader import snapshot

KEPT: Final = 1_000
"""How many tasks of one user are looked at, the newest ones."""

MAX_INPUT: Final = 8_192
"""A longer input is not looked at: it is content."""

IN_VAIN: Final = ("failed", "expired", "cancelled")

_OF_USER: Final = f"""
SELECT n, submitted_at, kind, CASE WHEN length(input) <= {MAX_INPUT} THEN input END, route FROM tasks
WHERE n IN (SELECT n FROM tasks WHERE user_id = ? ORDER BY n DESC LIMIT {KEPT})
AND status NOT IN {IN_VAIN} AND parent_id IS NULL ORDER BY n
"""  # noqa: S608 - our own numbers and words
_SINCE: Final = "SELECT n, user_id FROM tasks WHERE n > ? ORDER BY n LIMIT ?"


class Asked(NamedTuple):
    """One task; ``seq`` is that of its ``submitted``, ``at`` in microseconds since 1970, input and route are JSON."""

    seq: int
    at: int | None
    kind: str | None
    input: bytes | None
    route: bytes | None


def asked(connection: sqlite3.Connection, user_id: str) -> list[Asked]:
    """Return the newest tasks of a user, oldest first, without those that came to nothing.

    Subtasks are left out, too: they say what a handler wants.
    """
    return [Asked(*row) for row in connection.execute(_OF_USER, (user_id,))]


def news(connection: sqlite3.Connection, after: int, limit: int) -> News:
    """Return the users of up to ``limit`` tasks submitted ``after`` that sequence."""
    with snapshot(connection, "tasks") as position:
        rows = connection.execute(_SINCE, (after, limit)).fetchall()
    users = dict.fromkeys(user for _, user in rows if user is not None)
    return News(list(users), rows[-1][0] if len(rows) == limit else position)
