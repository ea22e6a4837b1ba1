"""What is known of one user, from several projections at one moment."""

import sqlite3
from typing import Any, Final

from msgspec import Raw, Struct, structs

from callboard.projections import find_rules, find_sessions, find_tasks
from callboard.projections.answers import TaskItem
from callboard.projections.find_sessions import SessionItem
from callboard.projections.reader import snapshot
from callboard.projections.rule_answers import RuleAnswer

MAX_RULES: Final = 50
MAX_SESSIONS: Final = 5
MAX_TASKS: Final = 21
"""One more than a handler is shown, as its own is among them."""

MAX_FIELD_BYTES: Final = 4_096
"""A longer field of a task is left out: the whole has to fit into a message, whatever the tasks are about."""

LONG: Final = {
    "input": None,
    "output": None,
    "error": None,
    "route": None,
    "depends_on": Raw(b"[]"),
    "metadata": Raw(b"{}"),
}
"""Fields that may be long, and what stands for one that is."""


class OpenTaskItem(TaskItem, frozen=True, kw_only=True):
    """A task that is not over; ``omitted`` are the fields that were too long for this answer, and are empty."""

    omitted: list[str]


class UserAnswer(Struct, frozen=True, kw_only=True):
    """A user's accepted rules, newest sessions and newest tasks that are not over, of which there are ``open_tasks``.

    All of it is from one moment. Of somebody who is not known it is all empty.
    """

    user_id: str
    rules: list[RuleAnswer]
    sessions: list[SessionItem]
    tasks: list[OpenTaskItem]
    open_tasks: int
    as_of_seq: int


def user(connection: sqlite3.Connection, user_id: str) -> UserAnswer:
    """Return what is known of a user."""
    with snapshot(connection, "rules", "sessions", "tasks") as as_of_seq:
        rules = find_rules.of_user(connection, user_id, ("accepted",), MAX_RULES)
        sessions = find_sessions.sessions(connection, user_id, MAX_SESSIONS, None).sessions
        tasks, open_tasks = find_tasks.open_of(connection, user_id, MAX_TASKS)
    return UserAnswer(
        user_id=user_id,
        rules=rules,
        sessions=sessions,
        tasks=[_bounded(each) for each in tasks],
        open_tasks=open_tasks,
        as_of_seq=as_of_seq,
    )


def _bounded(task: TaskItem) -> OpenTaskItem:
    fields: dict[str, Any] = structs.asdict(task)
    omitted = [name for name in LONG if fields[name] is not None and len(fields[name]) > MAX_FIELD_BYTES]
    return OpenTaskItem(**{**fields, **{name: LONG[name] for name in omitted}}, omitted=omitted)
