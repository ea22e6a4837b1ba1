"""Patches of columns, written into one table with few statements.

``executemany`` runs one statement per row and hands the interpreter lock over at each, which beside a busy thread costs
up to one switch interval (5 ms) per row. A statement of many rows hands it over once.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from msgspec import Struct

Patch = dict[str, Any]
"""Column → value; columns that are not named keep what they have. ``+column`` → what is added to that, from 0 on."""

MAX_ROWS: Final = 256
"""Rows per statement."""


class Upsert(Struct, frozen=True, kw_only=True):
    """How patches meet the rows of ``table``: the unique ``keys`` find the row.

    Columns in ``once`` are written when the row is created. Each of ``derived`` is (column, other column, SQL over the
    row and ``excluded``): the column's new value in an existing row when a patch has the other column and not this one.
    """

    table: str
    keys: tuple[str, ...]
    once: tuple[str, ...] = ()
    derived: tuple[tuple[str, str, str], ...] = ()

    def write(self, connection: sqlite3.Connection, patches: Iterable[Patch]) -> None:
        """Create or change one row per patch; no two of ``patches`` name the same row."""
        shapes: defaultdict[tuple[str, ...], list[Patch]] = defaultdict(list)
        for patch in patches:
            shapes[_ordered(tuple(patch))].append(patch)
        for columns, members in shapes.items():
            write_rows(connection, _statement(self, columns), list(map(itemgetter(*columns), members)))


def put(patch: Patch, column: str, value: Any) -> None:
    """Set a column that others add to."""
    patch.pop(f"+{column}", None)
    patch[column] = value


def add(patch: Patch, column: str, amount: int) -> None:
    """Add ``amount`` to what the column has, in ``patch`` or in the row."""
    key = column if column in patch else f"+{column}"
    patch[key] = patch.get(key, 0) + amount


def write_rows(connection: sqlite3.Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute ``sql``, in which ``VALUES ?`` stands for ``rows``, with as few statements as possible.

    ``sql`` passes over rows of nothing but NULL: they fill up to the next power of two, so that few statements,
    prepared once, serve any number of rows.
    """
    for start in range(0, len(rows), MAX_ROWS):
        connection.execute(*_filled(sql, rows[start : start + MAX_ROWS]))


def find_rows(connection: sqlite3.Connection, sql: str, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield what ``sql``, in which ``VALUES ?`` stands for ``rows``, finds, asking as :func:`write_rows` does."""
    for start in range(0, len(rows), MAX_ROWS):
        yield from connection.execute(*_filled(sql, rows[start : start + MAX_ROWS]))


def _filled(sql: str, chunk: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    columns, size = len(chunk[0]), 1 << (len(chunk) - 1).bit_length()
    values = list(chain.from_iterable(chunk))
    values += [None] * (columns * (size - len(chunk)))
    return _expanded(sql, columns, size), values


@cache
def _expanded(sql: str, columns: int, rows: int) -> str:
    row = f"({','.join('?' * columns)})"
    return sql.replace("VALUES ?", f"VALUES {','.join([row] * rows)}")


@cache
def _ordered(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(columns))


@cache
def _statement(upsert: Upsert, columns: tuple[str, ...]) -> str:
    key = f"column{columns.index(upsert.keys[0]) + 1}"
    names = ", ".join(column.removeprefix("+") for column in columns)
    sets = ", ".join(_assignments(upsert, columns))
    return (
        f"INSERT INTO {upsert.table} ({names}) SELECT * FROM (VALUES ?) WHERE {key} IS NOT NULL "  # noqa: S608 - our own names
        f"ON CONFLICT ({', '.join(upsert.keys)}) DO {f'UPDATE SET {sets}' if sets else 'NOTHING'}"
    )


def _assignments(upsert: Upsert, columns: tuple[str, ...]) -> Iterator[str]:
    for column in columns:
        if column.startswith("+"):
            name = column[1:]
            yield f"{name} = {upsert.table}.{name} + excluded.{name}"
        elif column not in upsert.keys and column not in upsert.once:
            yield f"{column} = excluded.{column}"
    for column, other, sql in upsert.derived:
        if other in columns and column not in columns:
            yield f"{column} = {sql}"
