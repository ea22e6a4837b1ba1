"""Queries over the tables of the projection ``tasks``: one task, or a page of them."""

import sqlite3
from typing import Any, Final

from msgspec import Raw, Struct, json, structs

from callboard.events.errors import InvalidValueError, shorten
from callboard.projections.answers import DeliveryItem, TaskAnswer, TaskItem, TasksAnswer, raw
from callboard.projections.cohorts import OPEN
from callboard.projections.reader import snapshot
from callboard.projections.times import moment

_PLAIN: Final = (
    "id", "status", "agent", "kind", "priority", "max_attempts", "user_id", "session_id", "tenant_id", "parent_id",
    "version", "seq",
)  # fmt: skip
_JSON: Final = ("input", "output", "error", "route")
_TIMES: Final = ("submitted_at", "scheduled_for", "expires_at", "started_at", "finished_at")
_EMPTY: Final = {"depends_on": Raw(b"[]"), "metadata": Raw(b"{}")}
_COLUMNS: Final = (*_PLAIN, *_JSON, *_TIMES, *_EMPTY, "retries", "attempt", "released", "due", "duration_ms")
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM tasks"  # noqa: S608 - our own column names
_OPEN_OF: Final = f"INDEXED BY tasks_open_by_user WHERE user_id = ? AND status IN {OPEN}"
_DELIVERIES: Final = """
SELECT task_id, position, channel, status, attempts, at, receipt, error FROM task_deliveries
WHERE task_id IN (SELECT value FROM json_each(?)) ORDER BY task_id, position
"""


class TaskFilters(Struct, frozen=True, kw_only=True):
    """Which tasks to list: those that match everything that is not None.

    The fields stand in the order of how few tasks share a value.
    """

    parent_id: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    tenant_id: str | None = None
    kind: str | None = None
    agent: str | None = None
    status: str | None = None


def task(connection: sqlite3.Connection, task_id: str) -> TaskAnswer | None:
    """Return the task ``task_id``, or None when there is none."""
    with snapshot(connection, "tasks") as as_of_seq:
        items = _items(connection, f"{_SELECT} WHERE id = ?", [task_id])
    return TaskAnswer(**structs.asdict(items[0]), as_of_seq=as_of_seq) if items else None


def tasks(connection: sqlite3.Connection, filters: TaskFilters, limit: int, after: str | None) -> TasksAnswer:
    """Return up to ``limit`` tasks that match ``filters``, newest first, from the one behind ``after`` on.

    A task keeps its place for ever, so pages neither repeat nor miss one that was there when the first was read.

    Raises:
        InvalidValueError: ``after`` is not the id of a task.
    """
    with snapshot(connection, "tasks") as as_of_seq:
        where, values = _where(filters)
        if after is not None:
            where.append("n < ?")
            values.append(_place(connection, after))
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        items = _items(connection, f"{_SELECT} {condition} ORDER BY n DESC LIMIT ?", [*values, limit + 1])
    more = len(items) > limit
    return TasksAnswer(tasks=items[:limit], next=items[limit - 1].id if more else None, as_of_seq=as_of_seq)


def open_of(connection: sqlite3.Connection, user_id: str, limit: int) -> tuple[list[TaskItem], int]:
    """Return the newest ``limit`` tasks of a user that are not over, newest first, and how many there are."""
    with snapshot(connection, "tasks"):
        items = _items(connection, f"{_SELECT} {_OPEN_OF} ORDER BY n DESC LIMIT ?", [user_id, limit])
        count = connection.execute(f"SELECT count(*) FROM tasks {_OPEN_OF}", (user_id,)).fetchone()[0]  # noqa: S608 - our own words
    return items, int(count)


def _where(filters: TaskFilters) -> tuple[list[str], list[Any]]:
    given = {name: value for name, value in structs.asdict(filters).items() if value is not None}
    # A plus keeps a column out of the choice of an index: without statistics SQLite would choose blindly. Most tasks
    # are completed ones, so that any other status is narrower than an agent.
    narrowest = next(iter(given), None)
    if narrowest == "agent" and given.get("status", "completed") != "completed":
        narrowest = "status"
    where = [f"{'' if name == narrowest else '+'}{name} = ?" for name in given]
    return where, list(given.values())


def _place(connection: sqlite3.Connection, task_id: str) -> int:
    row = connection.execute("SELECT n FROM tasks WHERE id = ?", (task_id,)).fetchone()
    if row is None:
        raise InvalidValueError(f"expected after to be the id of a task, got {shorten(task_id)}", field="after")
    return int(row[0])


def _items(connection: sqlite3.Connection, sql: str, values: list[Any]) -> list[TaskItem]:
    rows = [dict(zip(_COLUMNS, row, strict=True)) for row in connection.execute(sql, values).fetchall()]
    deliveries = _deliveries(connection, [row["id"] for row in rows])
    return [_item(row, deliveries.get(row["id"], [])) for row in rows]


def _item(row: dict[str, Any], deliveries: list[DeliveryItem]) -> TaskItem:
    fields: dict[str, Any] = {name: row[name] for name in _PLAIN}
    fields |= {name: raw(row[name]) for name in _JSON}
    fields |= {name: moment(row[name]) for name in _TIMES}
    fields |= {name: empty if row[name] is None else Raw(row[name]) for name, empty in _EMPTY.items()}
    return TaskItem(
        **fields,
        life=row["retries"] + 1,
        attempts=max(0, row["attempt"] - row["released"]),
        due=moment(row["due"]) if row["status"] == "scheduled" else None,
        duration_ms=_duration_ms(row),
        deliveries=deliveries,
    )


def _duration_ms(row: dict[str, Any]) -> float | None:
    start, end, duration_ms = row["started_at"], row["finished_at"], row["duration_ms"]
    if duration_ms is None and start is not None and end is not None:
        return float(max(0, end - start)) / 1000
    return None if duration_ms is None else float(duration_ms)


def _deliveries(connection: sqlite3.Connection, task_ids: list[str]) -> dict[str, list[DeliveryItem]]:
    found: dict[str, list[DeliveryItem]] = {}
    for task_id, index, channel, status, attempts, at, receipt, error in connection.execute(
        _DELIVERIES, (json.encode(task_ids).decode(),)
    ).fetchall():
        item = DeliveryItem(
            index=index,
            channel=channel,
            status=status,
            attempts=attempts,
            at=moment(at),
            receipt=raw(receipt),
            error=raw(error),
        )
        found.setdefault(task_id, []).append(item)
    return found
