"""What users wanted lately: queries over the projection ``meant``."""

import sqlite3
from typing import Final, NamedTuple

from callboard.projections.reader import snapshot

_OF_USER: Final = """
SELECT meant.seq, at, facts FROM meant JOIN meant_users ON user = id WHERE name = ? ORDER BY meant.seq
"""
_SINCE: Final = "SELECT name, seq FROM meant_users WHERE seq > ? ORDER BY seq LIMIT ?"


class Meant(NamedTuple):
    """One line: its place in the request log, its time in microseconds since 1970, and its facts as JSON."""

    seq: int
    at: int
    facts: bytes


class News(NamedTuple):
    """Users of whom something is new, the longest known first, and the sequence up to which that is all there is."""

    users: list[str]
    seq: int


def meant(connection: sqlite3.Connection, user_id: str) -> list[Meant]:
    """Return the lines of a user that are kept, oldest first."""
    return [Meant(*row) for row in connection.execute(_OF_USER, (user_id,))]


def news(connection: sqlite3.Connection, after: int, limit: int) -> News:
    """Return up to ``limit`` users with a line ``after`` that sequence."""
    with snapshot(connection, "meant") as position:
        rows = connection.execute(_SINCE, (after, limit)).fetchall()
    return News([name for name, _ in rows], rows[-1][1] if len(rows) == limit else position)
