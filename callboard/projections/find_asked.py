"""What tasks users asked for lately: queries over the projection ``tasks``, answered as those over ``meant``."""

import sqlite3
from typing import Final, NamedTuple

import msgspec

from callboard.projections.find_meant import News, read_news
from callboard.projections.reader import snapshot

KEPT: Final = 1_000
"""How many tasks of one user are looked at, the newest ones."""

MAX_INPUT: Final = 8_192
"""A longer input is not looked at: it is content."""

IN_VAIN: Final = ("failed", "expired", "cancelled")

_OF_USER: Final = f"""
SELECT json_group_array(
    json_array(n, submitted_at, kind, CASE WHEN length(input) <= {MAX_INPUT} THEN hex(input) END, hex(route))
) FROM tasks WHERE n IN (SELECT n FROM tasks WHERE user_id = ? ORDER BY n DESC LIMIT {KEPT})
AND status NOT IN {IN_VAIN} AND parent_id IS NULL
"""  # noqa: S608 - our own numbers and words
_SINCE: Final = """
SELECT json_group_array(DISTINCT user_id) FILTER (WHERE user_id IS NOT NULL), max(n), count(*)
FROM (SELECT n, user_id FROM tasks WHERE n > ? ORDER BY n LIMIT ?)
"""
_tasks: Final = msgspec.json.Decoder(list[tuple[int, int | None, str | None, str | None, str | None]])


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
    [(found,)] = connection.execute(_OF_USER, (user_id,)).fetchall()
    tasks = (Asked(n, at, kind, _bytes(given), _bytes(route)) for n, at, kind, given, route in _tasks.decode(found))
    return sorted(tasks, key=lambda task: task.seq)


def news(connection: sqlite3.Connection, after: int, limit: int) -> News:
    """Return the users of up to ``limit`` tasks submitted ``after`` that sequence."""
    with snapshot(connection, "tasks") as position:
        return read_news(connection, _SINCE, after, limit, position)


def _bytes(digits: str | None) -> bytes | None:
    return bytes.fromhex(digits) if digits else None
