"""The most common values of the entities of an intent, over the counts of the projection ``patterns``."""

import sqlite3
from typing import Any, Final

from callboard.projections.pattern_answers import EntityItem
from callboard.projections.pattern_days import Days
from callboard.projections.pattern_entities import decoder

ENTITIES: Final = 10
"""Values shown of the entities of one intent."""

_COUNTS: Final = """
SELECT dropped, counts FROM entities WHERE user = :user AND intent = :intent AND period >= :period AND period < :over
"""
_DROPPED: Final = """
SELECT coalesce(sum(dropped), 0) FROM entities WHERE user = :user AND period >= :period AND period < :over
"""


def entities(connection: sqlite3.Connection, user: int, intent: int, days: Days) -> dict[str, Any]:
    """Return ``entities`` and ``complete`` of an intent: the values that it has most often, and whether all were kept.

    What a value inherited is not counted. Of a name with more values than are kept, those seen once say nothing.
    """
    found: dict[tuple[str, str], int] = {}
    many: set[str] = set()
    complete = True
    for dropped, counts in connection.execute(_COUNTS, {**days.fields(user), "intent": intent}):
        complete = complete and not dropped
        for name, values in decoder.decode(counts).items():
            for value, (count, inherited) in values.items():
                found[name, value] = found.get((name, value), 0) + count - inherited
                if inherited:
                    many.add(name)
    telling = [(count, name, value) for (name, value), count in found.items() if count > 1 or name not in many]
    telling.sort(key=lambda one: (-one[0], one[1], one[2]))
    shown = [EntityItem(name=name, value=value, count=count) for count, name, value in telling[:ENTITIES]]
    return {"entities": shown, "complete": complete}


def dropped_entities(connection: sqlite3.Connection, user: int, days: Days) -> int:
    """Return how often there was a value that none of the counts has for sure."""
    return int(connection.execute(_DROPPED, days.fields(user)).fetchone()[0])
