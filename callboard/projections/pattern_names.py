"""Names that the patterns are about, each with a small number that stands for it in the rows."""

import sqlite3
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, json

from callboard.projections.upsert import write_rows

MAX_NAMES: Final = 1_000
"""How many intents have a number of their own; later ones share that of :data:`OTHER`."""

OTHER: Final = "(other)"
OTHER_ID: Final = 0


class Names(Struct, frozen=True):
    """The numbers of the names in ``table``, from 1 on in the order of their first lines; ``limit`` None for no end."""

    table: str
    limit: int | None = None

    def ids(self, connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, int]:
        """Return the number of each of ``names``, in the order of their lines, and give one to those that are new."""
        wanted = list(dict.fromkeys(names))
        found = self._find(connection, wanted)
        new = [name for name in wanted if name not in found]
        if new:
            [(last,)] = connection.execute(f"SELECT coalesce(max(id), 0) FROM {self.table}")  # noqa: S608 - our own names
            room = len(new) if self.limit is None else max(0, self.limit - last)
            rows = [(number, name) for number, name in enumerate(new[:room], last + 1)]
            write_rows(connection, self._insert, rows)
            found |= {name: number for number, name in rows} | dict.fromkeys(new[room:], OTHER_ID)
        return found

    def _find(self, connection: sqlite3.Connection, names: list[str]) -> dict[str, int]:
        sql = f"SELECT name, id FROM {self.table} WHERE name IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own names
        return dict(connection.execute(sql, (json.encode(names).decode(),)).fetchall())

    @property
    def _insert(self) -> str:
        return f"INSERT INTO {self.table} (id, name) SELECT * FROM (VALUES ?) WHERE column1 IS NOT NULL"  # noqa: S608 - our own names


def named(connection: sqlite3.Connection, table: str, numbers: Iterable[int]) -> dict[int, str]:
    """Return the name of each of ``numbers`` in ``table``."""
    sql = f"SELECT id, name FROM {table} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - our own names
    found = dict(connection.execute(sql, (json.encode(list(numbers)).decode(),)).fetchall())
    return {OTHER_ID: OTHER} | found
