"""The projection ``meant``: what each user wanted lately, as facts that rules may be about, from the request log.

Of each user the newest lines that have an intent are kept, in a ring: line number n stands in place n % ``KEPT``. So
nothing has to be looked for or deleted, and any cut of the log into batches leaves the same lines.
"""

import sqlite3
from typing import Any, Final

from msgspec import json

from callboard.projections.batch import Batch
from callboard.projections.projection import Projection, Rest
from callboard.projections.request_entry import RequestEntry
from callboard.projections.upsert import write_rows

KEPT: Final = 1_000
"""Lines that are kept of one user."""

SCHEMA: Final = """
CREATE TABLE meant_users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    count INTEGER NOT NULL,
    seq INTEGER NOT NULL
);
CREATE TABLE meant (
    user INTEGER NOT NULL,
    place INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    facts BLOB NOT NULL,
    PRIMARY KEY (user, place)
) WITHOUT ROWID;
"""
"""``count`` is how many lines there ever were, ``seq`` the newest one's place in the request log."""

_COUNT: Final = """
INSERT INTO meant_users (name, count, seq) SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL
ON CONFLICT (name) DO UPDATE SET count = count + excluded.count, seq = excluded.seq
"""
_FIND: Final = "SELECT id, count, name FROM meant_users WHERE name IN (SELECT value FROM json_each(?))"
_KEEP: Final = """
INSERT INTO meant (user, place, seq, at, facts) SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL
ON CONFLICT (user, place) DO UPDATE SET seq = excluded.seq, at = excluded.at, facts = excluded.facts
"""
_REST: Final = """
SELECT name, meant.seq, at, facts FROM meant JOIN meant_users ON id = user WHERE meant.seq >= :seq ORDER BY meant.seq
"""
"""Of the newest lines of a user those are the newest of what is left, too."""


def apply(connection: sqlite3.Connection, batch: Batch) -> None:
    """Keep the lines in ``batch`` that say what a user wanted; others cost nothing."""
    lines: dict[str, list[RequestEntry]] = {}
    for line in batch.requests:
        if line is not None and line.facts is not None and line.user is not None:
            lines.setdefault(line.user, []).append(line)
    if not lines:
        return
    write_rows(connection, _COUNT, [(user, len(those), those[-1].seq) for user, those in lines.items()])
    found = connection.execute(_FIND, (json.encode(list(lines)).decode(),)).fetchall()
    # In the order of the primary key: neighbours share a page.
    rows = [row for user, count, name in sorted(found) for row in _places(user, count, lines[name])]
    write_rows(connection, _KEEP, rows)


def _places(user: int, count: int, lines: list[RequestEntry]) -> list[tuple[Any, ...]]:
    """Return the rows of the newest of ``lines``, the last of which is number ``count`` of its user, from 1."""
    kept = lines[-KEPT:]
    first = count - len(kept)
    return [(user, n % KEPT, line.seq, line.at, line.facts) for n, line in enumerate(kept, first)]


MEANT: Final = Projection(
    name="meant",
    version=1,
    tables=("meant_users", "meant"),
    schema=SCHEMA,
    apply=apply,
    rest=(Rest(table="meant", sql=_REST),),
)
