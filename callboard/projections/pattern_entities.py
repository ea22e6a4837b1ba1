"""Which values the entities of an intent have, and how often.

Values can be anything, such as ids. So of each intent of a user, in each period, the first :data:`KEPT` that come are
counted, and of everybody's the first :data:`KEPT_OF_ALL`.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from callboard.projections.upsert import find_rows, write_rows

KEPT: Final = 50
KEPT_OF_ALL: Final = 200

SCHEMA: Final = """
CREATE TABLE entities (
    user INTEGER NOT NULL,
    intent INTEGER NOT NULL,
    period INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (user, intent, period, name, value)
) WITHOUT ROWID;
"""
_KNOWN: Final = """
SELECT user, intent, period, name, value FROM (VALUES ?) CROSS JOIN entities
ON user = column1 AND intent = column2 AND period = column3 AND name = column4 AND value = column5
"""
_KEPT: Final = """
SELECT column1, column2, column3,
    (SELECT count(*) FROM entities WHERE user = column1 AND intent = column2 AND period = column3)
FROM (VALUES ?) WHERE column1 IS NOT NULL
"""
_COUNT: Final = """
INSERT INTO entities (user, intent, period, name, value, count) SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL
ON CONFLICT (user, intent, period, name, value) DO UPDATE SET count = count + excluded.count
"""

Key = tuple[int, int, int, str, str]
"""User (0 for everybody), intent, first day of the period, name, value."""


def count(connection: sqlite3.Connection, lines: Iterable[tuple[int, int, int, tuple[tuple[str, str], ...]]]) -> None:
    """Count the entities of ``lines``: user, intent and period of each, and its names with their values."""
    counts: dict[Key, int] = {}
    for user, intent, period, entities in lines:
        for name, value in entities:
            for whose in {user, 0}:
                key = (whose, intent, period, name, value)
                counts[key] = counts.get(key, 0) + 1
    if counts:
        admitted = _admitted(connection, counts)
        write_rows(connection, _COUNT, [(*key, counts[key]) for key in sorted(admitted)])


def _admitted(connection: sqlite3.Connection, counts: Iterable[Key]) -> list[Key]:
    """Return those of ``counts``, which are in the order of their lines, that are counted already or find room."""
    keys = list(counts)
    known = set(find_rows(connection, _KNOWN, keys))
    new = [key for key in keys if key not in known]
    if not new:
        return keys
    groups = list(dict.fromkeys(key[:3] for key in new))
    kept = {group[:3]: group[3] for group in find_rows(connection, _KEPT, groups)}
    for key in new:
        group = key[:3]
        if kept[group] < (KEPT if key[0] else KEPT_OF_ALL):
            kept[group] += 1
            known.add(key)
    return [key for key in keys if key in known]
