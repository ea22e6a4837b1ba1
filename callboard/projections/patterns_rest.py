"""The rows of the projection ``patterns`` that do not depend on lines that the request log has forgotten.

A line is of the day it was stored on, or of one before. So all lines of later days than that of the first line left are
there. Numbers of names depend on what came first: the rows have the names. Where a bound was reached, which names have
rows of their own depends on what came first, too.
"""

from typing import Final

from callboard.projections.pattern_names import OTHER_ID
from callboard.projections.projection import Rest

_SUMS: Final = "one.count, failures, took, longest"


def _rest(table: str, columns: str, day: str = "day", order: str = "", where: str = "") -> Rest:
    sql = f"""
SELECT coalesce(users.name, '') AS of_user, {day}, {columns} FROM {table} AS one LEFT JOIN users ON users.id = one.user
WHERE one.{day} > :day {where} ORDER BY of_user, one.{day} {order}"""  # noqa: S608 - our own names
    return Rest(table=table, sql=sql)


def _named(table: str, columns: str, number: str, day: str = "day", order: str = "") -> Rest:
    """Return the rest of a ``table`` in which ``number`` stands for a name."""
    name = f"(SELECT name FROM {number}s WHERE id = one.{number}) AS {number}"  # noqa: S608 - our own names
    unless = f"SELECT 1 FROM {table} WHERE {number} = {OTHER_ID} AND {day} > :day LIMIT 1"  # noqa: S608 - our own names
    return Rest(table=table, sql=_rest(table, f"{name}, {columns}", day, f", 3 {order}").sql, unless=unless)


REST: Final = (
    _rest("totals", f"span, {_SUMS}", order=", span", where="AND span > 0"),
    _named("activity", f"span, {_SUMS}", "action", order=", span"),
    _rest("hours", "hour, first, second, third, fourth", order=", hour"),
    _named("intent_days", _SUMS, "intent"),
    _named("entities", "dropped, counts", "intent", day="period"),
)
