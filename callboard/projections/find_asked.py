"""What tasks users asked for lately: queries over the projection ``tasks``, answered as those over ``meant``."""

import sqlite3
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from callboard.projections.reader import snapshot
from callboard.projections.times import micros

KEPT: Final = 1_000
"""How many tasks of one user are looked at, the newest ones."""

MAX_INPUT: Final = 8_192
"""A longer input is not looked at: it is content."""

OVERLAP: Final = 30_000_000
"""How far back is looked for what ended, in microseconds: the clocks of those who write it may be so far apart."""

_OF_USER: Final = f"""
SELECT json_group_array(
    json_array(n, submitted_at, kind, CASE WHEN length(input) <= {MAX_INPUT} THEN hex(input) END, hex(route))
) FROM tasks WHERE n IN (SELECT n FROM tasks WHERE user_id = ? ORDER BY n DESC LIMIT {KEPT})
AND status = 'completed' AND parent_id IS NULL
"""  # noqa: S608 - our own numbers and words
_BEHIND: Final = """
FROM tasks WHERE finished_at >= :at AND (finished_at > :at OR n > :n) ORDER BY finished_at, n
"""
_LAST: Final = f"SELECT finished_at, n {_BEHIND} LIMIT 1 OFFSET :limit - 1"
_SINCE: Final = f"""
SELECT json_group_array(DISTINCT user_id) FILTER (WHERE user_id IS NOT NULL), max(finished_at)
FROM (
    SELECT finished_at, iif(status = 'completed' AND parent_id IS NULL AND seq > :after, user_id, NULL) AS user_id
    {_BEHIND} LIMIT :limit
)
"""  # noqa: S608 - our own words
_names: Final = msgspec.json.Decoder(list[str])
_tasks: Final = msgspec.json.Decoder(list[tuple[int, int | None, str | None, str | None, str | None]])


class Asked(NamedTuple):
    """One task; ``seq`` is that of its ``submitted``, ``at`` in microseconds since 1970, input and route are JSON."""

    seq: int
    at: int | None
    kind: str | None
    input: bytes | None
    route: bytes | None


class Page(NamedTuple):
    """Where to go on looking for tasks that ended.

    Of those that ended behind the time ``at`` and number ``n``, those count whose newest event stands behind ``after``.
    ``newest`` is the latest end that was seen.
    """

    after: int = 0
    at: int = 0
    n: int = 0
    newest: int = 0


class AskedNews(NamedTuple):
    """Users of whom tasks completed, and the ``page`` to go on with; ``whole``: there is no more at present."""

    users: list[str]
    page: Page
    whole: bool


def asked(connection: sqlite3.Connection, user_id: str) -> list[Asked]:
    """Return the newest tasks of a user, oldest first: of the newest 1,000 those that completed.

    Subtasks are left out, too: they say what a handler wants.
    """
    [(found,)] = connection.execute(_OF_USER, (user_id,)).fetchall()
    tasks = (Asked(n, at, kind, _bytes(given), _bytes(route)) for n, at, kind, given, route in _tasks.decode(found))
    return sorted(tasks, key=lambda task: task.seq)


def news(connection: sqlite3.Connection, page: Page, limit: int, now: datetime) -> AskedNews:
    """Return the users of what completed among up to ``limit`` tasks of a ``page``.

    What ended later than ``now``, by a clock that is ahead, does not hide what ends until then.
    """
    with snapshot(connection, "tasks") as position:
        wanted = {"after": page.after, "at": page.at, "n": page.n, "limit": limit}
        [(names, newest)] = connection.execute(_SINCE, wanted).fetchall()
        last = connection.execute(_LAST, wanted).fetchall()
    newest = max(page.newest, newest or 0)
    if last:
        return AskedNews(_names.decode(names), Page(page.after, last[0][0], last[0][1], newest), whole=False)
    return AskedNews(_names.decode(names), Page(position, min(newest, micros(now)) - OVERLAP, 0, newest), whole=True)


def _bytes(digits: str | None) -> bytes | None:
    return bytes.fromhex(digits) if digits else None
