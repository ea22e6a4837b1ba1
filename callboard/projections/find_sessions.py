"""Queries over the tables of the projection ``sessions``: one with all that was said in it, or a page of them."""

import sqlite3
from datetime import datetime
from typing import Any, Final, NamedTuple

from msgspec import Raw, Struct, structs

from callboard.events.session import session_key
from callboard.projections import cohorts
from callboard.projections.answers import raw
from callboard.projections.reader import snapshot
from callboard.projections.times import moment

_COLUMNS: Final = "session_id, user_id, tenant_id, title, summary, opened_at, active_at, closed_at, messages, seq"
_ACTIVE: Final = "EXISTS (SELECT 1 FROM session_runs r WHERE r.key = s.key AND r.status = 'running')"
_SELECT: Final = f"SELECT {_COLUMNS}, {_ACTIVE} FROM sessions s"  # noqa: S608 - our own names
_MESSAGES: Final = """
SELECT role, content, name, arguments, task_id, omitted, at, seq FROM session_messages
WHERE key = ?1 AND (?2 IS NULL OR seq < ?2) ORDER BY version DESC LIMIT ?3
"""
_RUNS: Final = """
SELECT task_id, life, status, started_at, ended_at, input_tokens, output_tokens, error, reason, seq FROM session_runs
WHERE key = ?1 AND (?2 IS NULL OR seq < ?2) ORDER BY seq DESC LIMIT ?3
"""
_TURNS: Final = """
SELECT s.key, s.task_id, s.life FROM session_turns s JOIN tasks t ON t.id = s.task_id
WHERE s.seq <= :seq AND t.retries + 1 >= s.life
"""
_ENDS: Final = f"""
SELECT s.key, s.task_id, s.life FROM session_runs s JOIN tasks t ON t.id = s.task_id
WHERE s.status = 'running' AND (t.status NOT IN {cohorts.OPEN} OR t.retries + 1 > s.life)
"""  # noqa: S608 - our own words
_ONE: Final = " AND s.key = :key"
_OWN: Final = "s.key IN (SELECT key FROM sessions WHERE user_id = :user)"
_ALL: Final = -1


class Due(NamedTuple):
    """What the views of tasks know of a life of a task, and those of its session do not yet."""

    key: str
    task_id: str
    life: int
    ended: bool


class SessionItem(Struct, frozen=True, kw_only=True):
    """A session; ``active`` while a run of it is under way, ``seq`` is that of its last event."""

    session_id: str | None
    title: str | None
    summary: str | None
    user_id: str | None
    tenant_id: str | None
    active: bool
    message_count: int
    opened_at: datetime | None
    active_at: datetime | None
    closed_at: datetime | None
    seq: int


class MessageItem(Struct, frozen=True, kw_only=True):
    """Something said: ``role`` is user, assistant, system or tool; a call of a tool has a name and arguments."""

    role: str
    content: Raw
    name: str | None
    arguments: Raw | None
    task_id: str | None
    omitted: bool
    at: datetime | None
    seq: int


class RunItem(Struct, frozen=True, kw_only=True):
    """One life of a task; ``status`` is running, completed, interrupted or failed."""

    task_id: str
    life: int
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    input_tokens: int | None
    output_tokens: int | None
    error: Raw | None
    reason: str | None
    seq: int


class SessionsAnswer(Struct, frozen=True, kw_only=True):
    """A page of sessions, newest activity first; ``next`` is the ``after`` of the page behind it, None on the last."""

    sessions: list[SessionItem]
    next: int | None
    as_of_seq: int


class SessionAnswer(SessionItem, frozen=True, kw_only=True):
    """One session with its messages and runs, each in the order of the log.

    ``next`` is the ``before`` of what came before these, None when nothing did.
    """

    messages: list[MessageItem]
    runs: list[RunItem]
    next: int | None
    as_of_seq: int


def sessions(connection: sqlite3.Connection, user_id: str | None, limit: int, after: int | None) -> SessionsAnswer:
    """Return up to ``limit`` sessions, of one user or all, with activity before that at sequence ``after``."""
    given = [("user_id = ?", user_id), ("seq < ?", after)]
    where = [(condition, value) for condition, value in given if value is not None]
    condition = f"WHERE {' AND '.join(each for each, _ in where)}" if where else ""
    with snapshot(connection, "sessions") as as_of_seq:
        rows = connection.execute(
            f"{_SELECT} {condition} ORDER BY seq DESC LIMIT ?", [*(value for _, value in where), limit + 1]
        ).fetchall()
    items = [_item(row) for row in rows[:limit]]
    return SessionsAnswer(sessions=items, next=items[-1].seq if len(rows) > limit else None, as_of_seq=as_of_seq)


def session(
    connection: sqlite3.Connection, session_id: str, limit: int | None = None, before: int | None = None
) -> SessionAnswer | None:
    """Return one session, None when there is none of that id.

    Of its messages and runs together it has the newest ``limit`` (None: all), of those ``before`` a sequence.
    """
    key = session_key(session_id)
    values = (key, before, _ALL if limit is None else limit + 1)
    with snapshot(connection, "sessions") as as_of_seq:
        row = connection.execute(f"{_SELECT} WHERE key = ?", (key,)).fetchone()
        messages = [_message(each) for each in connection.execute(_MESSAGES, values)]
        runs = [_run(each) for each in connection.execute(_RUNS, values)]
    if row is None:
        return None
    first = _oldest([each.seq for each in messages] + [each.seq for each in runs], limit)
    return SessionAnswer(
        **structs.asdict(_item(row)),
        messages=[each for each in reversed(messages) if each.seq >= (first or 0)],
        runs=[each for each in reversed(runs) if each.seq >= (first or 0)],
        next=first,
        as_of_seq=as_of_seq,
    )


def due(
    connection: sqlite3.Connection, seq: int, session_id: str | None = None, user_id: str | None = None
) -> set[Due]:
    """Return the turns that began up to ``seq`` and the ends of runs that sessions are still to be told.

    These are all sessions, or the one with ``session_id``, or those of a user, also those that are not there yet.
    """
    one = "" if session_id is None else _ONE
    # Who has a session is known once it is there; before that, its first turn says who will.
    of_turns, of_ends = ("", "") if user_id is None else (f" AND (t.user_id = :user OR {_OWN})", f" AND {_OWN}")
    values = {"seq": seq, "key": session_key(session_id or ""), "user": user_id}
    with snapshot(connection, "tasks", "sessions"):
        turns = connection.execute(f"{_TURNS}{one}{of_turns}", values).fetchall()
        ends = connection.execute(f"{_ENDS}{one}{of_ends}", values).fetchall()
    found = ((False, turns), (True, ends))
    return {Due(key, task_id, life, ended) for ended, rows in found for key, task_id, life in rows}


def _oldest(seqs: list[int], limit: int | None) -> int | None:
    """Return the oldest of the newest ``limit`` of ``seqs``, None when these are all there are."""
    return None if limit is None or len(seqs) <= limit else sorted(seqs, reverse=True)[limit - 1]


def _item(row: tuple[Any, ...]) -> SessionItem:
    session_id, user_id, tenant_id, title, summary, opened_at, active_at, closed_at, messages, seq, active = row
    return SessionItem(
        session_id=session_id,
        title=title,
        summary=summary,
        user_id=user_id,
        tenant_id=tenant_id,
        active=bool(active),
        message_count=messages,
        opened_at=moment(opened_at),
        active_at=moment(active_at),
        closed_at=moment(closed_at),
        seq=seq,
    )


def _message(row: tuple[Any, ...]) -> MessageItem:
    role, content, name, arguments, task_id, omitted, at, seq = row
    return MessageItem(
        role=role,
        content=Raw(content),
        name=name,
        arguments=raw(arguments),
        task_id=task_id,
        omitted=bool(omitted),
        at=moment(at),
        seq=seq,
    )


def _run(row: tuple[Any, ...]) -> RunItem:
    task_id, life, status, started_at, ended_at, input_tokens, output_tokens, error, reason, seq = row
    return RunItem(
        task_id=task_id,
        life=life,
        status=status,
        started_at=moment(started_at),
        ended_at=moment(ended_at),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        error=raw(error),
        reason=reason,
        seq=seq,
    )
