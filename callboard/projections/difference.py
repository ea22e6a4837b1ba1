"""Comparing two views files row by row."""

import contextlib
import sqlite3
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from msgspec import Struct

from callboard.projections.reader import connect, snapshot


class Difference(Struct, frozen=True):
    """The first place where two views differ: the table, and its row in each (None where there is none)."""

    table: str
    left: dict[str, Any] | None
    right: dict[str, Any] | None

    def __str__(self) -> str:
        return f"{self.table}: {self.left} is not {self.right}"


def first_difference(left: Path, right: Path) -> Difference | None:
    """Return the first difference between the views in two files, None when they are equal in every row.

    The positions come first: views of different positions differ there, whatever their rows.

    Raises:
        sqlite3.Error: one of them is no views file.
    """
    with (
        contextlib.closing(connect(left)) as one,
        contextlib.closing(connect(right)) as other,
        snapshot(one),
        snapshot(other),
    ):
        return _first(one, other)


def _first(one: sqlite3.Connection, other: sqlite3.Connection) -> Difference | None:
    for table in sorted(_tables(one) | _tables(other), key=lambda name: (name != "positions", name)):
        for left, right in zip_longest(_rows(one, table), _rows(other, table)):
            if left != right:
                return Difference(table, left, right)
    return None


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    columns = connection.execute("SELECT name, pk FROM pragma_table_info(?)", (table,)).fetchall()
    if not columns:
        return
    names = [name for name, _ in columns]
    order = [name for name, place in sorted(columns, key=lambda column: column[1]) if place] or names
    for row in connection.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(order)}"):  # noqa: S608 - names from the schema
        yield dict(zip(names, row, strict=True))
