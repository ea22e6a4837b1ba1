"""The actions that the patterns are about, each with a small number that stands for it in the rows.

What an application calls an action itself, or which tool it names, has few names. Paths may be anything: whoever asks
for nonsense makes new ones. So each of the two has bounds of its own, and what comes later is :data:`OTHER`.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from msgspec import json

from callboard.projections.pattern_names import OTHER_ID
from callboard.projections.request_entry import RequestEntry
from callboard.projections.upsert import write_rows

MAX_NAMED: Final = 5_000
MAX_PATHS: Final = 1_000

SCHEMA: Final = "CREATE TABLE actions (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, path INTEGER NOT NULL);"
_FIND: Final = "SELECT name, id FROM actions WHERE name IN (SELECT value FROM json_each(?))"
_COUNT: Final = "SELECT count(*), coalesce(sum(path), 0) FROM actions"
_ADD: Final = "INSERT INTO actions (id, name, path) SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL"


def numbers(connection: sqlite3.Connection, lines: Sequence[RequestEntry]) -> list[int]:
    """Return the number of the action of each of ``lines``, in their order, and give one to those that are new."""
    names = list({line.action for line in lines})
    known: dict[str, int] = dict(connection.execute(_FIND, (json.encode(names).decode(),)).fetchall())
    if len(known) == len(names):
        return [known[line.action] for line in lines]
    [(last, paths)] = connection.execute(_COUNT)
    room = {False: MAX_NAMED - (last - paths), True: MAX_PATHS - paths}
    rows: list[tuple[int, str, bool]] = []
    found: list[int] = []
    # Line by line: what was no name yet when an earlier one came may be one now.
    for line in lines:
        number = known.get(line.action)
        if number is None and room[line.by_path] > 0:
            room[line.by_path] -= 1
            number = known[line.action] = last + len(rows) + 1
            rows.append((number, line.action, line.by_path))
        found.append(OTHER_ID if number is None else number)
    write_rows(connection, _ADD, rows)
    return found
