"""What users wanted lately: queries over the projection ``meant``.

Each is answered in one row of JSON: every row of an answer hands the interpreter lock over, which may then take until
the next switch interval (5 ms) to come back.
"""

import sqlite3
from typing import Final, NamedTuple

import msgspec

from callboard.projections.reader import snapshot

_OF_USER: Final = """
SELECT json_group_array(json_array(meant.seq, at, hex(facts))) FROM meant JOIN meant_users ON user = id WHERE name = ?
"""
_SINCE: Final = """
SELECT json_group_array(name), max(seq), count(*)
FROM (SELECT name, seq FROM meant_users WHERE seq > ? ORDER BY seq LIMIT ?)
"""
_lines: Final = msgspec.json.Decoder(list[tuple[int, int, str]])
_names: Final = msgspec.json.Decoder(list[str])


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
    [(found,)] = connection.execute(_OF_USER, (user_id,)).fetchall()
    return sorted(Meant(seq, at, bytes.fromhex(facts)) for seq, at, facts in _lines.decode(found))


def news(connection: sqlite3.Connection, after: int, limit: int) -> News:
    """Return up to ``limit`` users with a line ``after`` that sequence."""
    with snapshot(connection, "meant") as position:
        [(names, last, count)] = connection.execute(_SINCE, (after, limit)).fetchall()
    # Fewer than that are all there are.
    return News(_names.decode(names), last if count == limit else position)
