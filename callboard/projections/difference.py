"""Comparing two views files row by row."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
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


class Still:
    """The views in one file as they were at one moment, whatever is written to them meanwhile; see :func:`still`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def position(self, names: Sequence[str]) -> int:
        """Return the sequence up to which all projections of ``names`` reflect the log; 0 when one is not there."""
        found = dict(self._connection.execute("SELECT name, position FROM positions"))
        return min((found.get(name, 0) for name in names), default=0)

    def first_difference(self, other: Path, names: Sequence[str] | None = None) -> Difference | None:
        """Return the first difference to the views in ``other``, of the projections ``names`` or (None) of all."""
        with still(other) as right:
            return _first(self._connection, right._connection, names)  # noqa: SLF001


@contextlib.contextmanager
def still(path: Path) -> Iterator[Still]:
    """Give the views in ``path`` as they are now, until the end of the block.

    Raises:
        sqlite3.Error: it is no views file.
    """
    with contextlib.closing(connect(path)) as connection, snapshot(connection):
        yield Still(connection)


def first_difference(left: Path, right: Path) -> Difference | None:
    """Return the first difference between the views in two files, None when they are equal in every row.

    The positions come first: views of different positions differ there, whatever their rows.

    Raises:
        sqlite3.Error: one of them is no views file.
    """
    with still(left) as one:
        return one.first_difference(right)


def _first(one: sqlite3.Connection, other: sqlite3.Connection, names: Sequence[str] | None) -> Difference | None:
    for table in sorted(_tables(one, names) | _tables(other, names), key=lambda name: (name != "positions", name)):
        columns, others = _columns(one, table), _columns(other, table)
        for left, right in zip_longest(_rows(one, table, columns, names), _rows(other, table, others, names)):
            if left != right or columns != others:
                return Difference(table, _told(columns, left), _told(others, right))
    return None


def _tables(connection: sqlite3.Connection, names: Sequence[str] | None) -> set[str]:
    if names is None:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    kept = connection.execute("SELECT name, tables FROM positions")
    return {"positions", "stream"}.union(*(tables.split() for name, tables in kept if name in names))


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, int]:
    """Return the columns of ``table``, by name, and which place each has in its primary key: 0 for none."""
    return dict(sorted(connection.execute("SELECT name, pk FROM pragma_table_info(?)", (table,)).fetchall()))


def _rows(
    connection: sqlite3.Connection, table: str, columns: dict[str, int], of: Sequence[str] | None
) -> Iterable[tuple[Any, ...]]:
    """Return the rows of ``table`` in the order of its key, or of all columns; positions only ``of`` projections."""
    if not columns:
        return ()
    order = sorted(filter(columns.__getitem__, columns), key=columns.__getitem__) or columns
    found = connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {', '.join(order)}")  # noqa: S608 - names from the schema
    if table != "positions" or of is None:
        return found
    name = list(columns).index("name")
    return (row for row in found if row[name] in of)


def _told(columns: dict[str, int], row: tuple[Any, ...] | None) -> dict[str, Any] | None:
    return None if row is None else dict(zip(columns, row, strict=True))
