"""Which values the entities of an intent have, and how often.

Values can be anything, such as ids. So of each name only so many are kept, of which the most common ones are sure to be
there (the algorithm "space-saving"): a new value takes the place of one that was seen least, and inherits its count, as
nobody knows how often it was seen and given up before. How much of a count is inherited is kept beside it.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, json

from callboard.projections.upsert import find_rows, write_rows

KEPT: Final = 20
"""Values that are kept of a name, with an intent of one user in one period."""

KEPT_OF_ALL: Final = 100
"""Values of all users together."""

MAX_NAMES: Final = 32
"""Names that an intent has in one period, of a user or of all."""

SCHEMA: Final = """
CREATE TABLE entities (
    user INTEGER NOT NULL,
    intent INTEGER NOT NULL,
    period INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (user, intent, period)
);
"""
_KNOWN: Final = """
SELECT user, intent, period, dropped, counts FROM (VALUES ?) CROSS JOIN entities
ON user = column1 AND intent = column2 AND period = column3
"""
_KEEP: Final = """
INSERT INTO entities (user, intent, period, dropped, counts) SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL
ON CONFLICT (user, intent, period) DO UPDATE SET dropped = excluded.dropped, counts = excluded.counts
"""

Group = tuple[int, int, int]
"""User (0 for everybody), intent, first day of the period."""

Values = dict[str, tuple[int, int]]
"""From a value to its count, and how much of that is inherited; those that were kept longest come first."""

decoder: Final = json.Decoder(dict[str, Values])
"""Reads the column ``counts``: from a name to its values."""


class Said(Struct, frozen=True):
    """What one line says: whose, in which period, which names have which values, and how many more were left out."""

    user: int
    intent: int
    period: int
    entities: tuple[tuple[str, str], ...]
    more: int


class _Tally:
    """The values of one group; ``dropped`` is how often there was one that is in none of the counts for sure."""

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.dropped = 0
        self.names: dict[str, Values] = {}
        self._least: dict[str, int] = {}

    def add(self, name: str, value: str) -> None:
        values = self.names.get(name)
        if values is None:
            if len(self.names) == MAX_NAMES:
                self.dropped += 1
                return
            values = self.names[name] = {}
        found = values.get(value)
        if found is not None:
            values[value] = found[0] + 1, found[1]
        elif len(values) < self.kept:
            values[value] = 1, 0
        else:
            self._replace(name, values, value)

    def _replace(self, name: str, values: Values, value: str) -> None:
        least, gone = self._seen_least(values, self._least.get(name, 0))
        self._least[name] = least
        inherited = values.pop(gone)[1]
        values[value] = least + 1, least
        self.dropped += least - inherited

    @staticmethod
    def _seen_least(values: Values, least: int) -> tuple[int, str]:
        """Return the smallest count and the first value that has it; it is not smaller than ``least``."""
        while True:
            for value, (count, _) in values.items():
                if count == least:
                    return least, value
            least = min(count for count, _ in values.values())


def count(connection: sqlite3.Connection, lines: Iterable[Said]) -> None:
    """Count the entities of ``lines``, which are in the order of the log."""
    told = [line for line in lines if line.entities or line.more]
    if not told:
        return
    groups: list[Group] = sorted({(whose, line.intent, line.period) for line in told for whose in (line.user, 0)})
    tallies = {group: _Tally(KEPT if group[0] else KEPT_OF_ALL) for group in groups}
    for *group, dropped, counts in find_rows(connection, _KNOWN, groups):
        tally = tallies[tuple(group)]
        tally.dropped, tally.names = dropped, decoder.decode(counts)
    for line in told:
        for whose in {line.user, 0}:
            tally = tallies[whose, line.intent, line.period]
            tally.dropped += line.more
            for name, value in line.entities:
                tally.add(name, value)
    # In the order of the primary key: neighbours share a page.
    write_rows(connection, _KEEP, [(*group, *_row(tallies[group])) for group in groups])


def _row(tally: _Tally) -> tuple[int, str]:
    return tally.dropped, json.encode(tally.names).decode()
