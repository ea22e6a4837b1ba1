"""Queries about agents: what each has done and has to do, and the log of their attempts."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from callboard.projections import cohorts
from callboard.projections.answers import AgentError, AgentItem, AgentLogAnswer, AgentLogItem, AgentsAnswer, raw
from callboard.projections.reader import snapshot
from callboard.projections.sketch import Sketch
from callboard.projections.spans import stretches
from callboard.projections.tallies import tallied
from callboard.projections.times import moment

LAST_ERRORS: Final = 5

_OPEN: Final = f"""
SELECT agent, status, count(*) FROM tasks INDEXED BY tasks_open
WHERE agent IS NOT NULL AND status IN {cohorts.OPEN} GROUP BY agent, status
"""  # noqa: S608 - our own words
_ERRORS: Final = """
SELECT task_id, attempt, ended_at, error FROM agent_log WHERE agent = ? AND outcome = 'failed'
ORDER BY seq DESC LIMIT ?
"""
_LOG: Final = """
SELECT seq, agent, task_id, life, attempt, worker, started_at, ended_at, outcome, error FROM agent_log
WHERE seq IS NOT NULL
"""


class _Counted:
    """The tasks of one agent by state, and the times of their last attempts."""

    def __init__(self) -> None:
        self.count: dict[str, int] = {}
        self.ran = Sketch()


def agents(connection: sqlite3.Connection, known: Sequence[str]) -> AgentsAnswer:
    """Return every agent that has had a task or is ``known``, by name."""
    with snapshot(connection, "tasks", "agent_log") as as_of_seq:
        counted = defaultdict[str, _Counted](_Counted, {name: _Counted() for name in known})
        for name, what, bucket, n, total in tallied(connection, cohorts.TABLE, stretches(None, None), {}, "agent"):
            one = counted[name]
            one.count[what] = one.count.get(what, 0) + n
            if what == cohorts.RAN:
                one.ran.add(bucket, n, total)
        for name, status, n in connection.execute(_OPEN).fetchall():
            counted[name].count[status] = n
        items = [_agent(connection, name, counted[name]) for name in sorted(filter(None, counted))]
    return AgentsAnswer(agents=items, as_of_seq=as_of_seq)


def agent_log(connection: sqlite3.Connection, agent: str | None, task_id: str | None, limit: int) -> AgentLogAnswer:
    """Return up to ``limit`` attempts, of one ``agent`` or at one task if that is said, the last started one first."""
    conditions: list[str] = []
    values: list[Any] = []
    for condition, value in (("task_id = ?", task_id), ("agent = ?", agent)):
        if value is not None:
            # As in find_tasks: a plus leaves the index to the narrower condition before it.
            conditions.append(f" AND {'+' if conditions else ''}{condition}")
            values.append(value)
    sql = f"{_LOG}{''.join(conditions)} ORDER BY seq DESC LIMIT ?"
    with snapshot(connection, "agent_log") as as_of_seq:
        entries = [_entry(row) for row in connection.execute(sql, [*values, limit]).fetchall()]
    return AgentLogAnswer(entries=entries, as_of_seq=as_of_seq)


def _agent(connection: sqlite3.Connection, name: str, counted: _Counted) -> AgentItem:
    count, ran = counted.count, counted.ran
    completed, failed = count.get("completed", 0), count.get("failed", 0)
    return AgentItem(
        agent=name,
        active=count.get("running", 0) + count.get("paused", 0),
        queued=count.get("assigned", 0),
        completed=completed,
        failed=failed,
        avg_ms=_milliseconds(ran.mean()),
        p50_ms=_milliseconds(ran.quantile(0.5)),
        p95_ms=_milliseconds(ran.quantile(0.95)),
        failure_rate=failed / (completed + failed) if failed else 0.0,
        last_errors=_last_errors(connection, name),
    )


def _last_errors(connection: sqlite3.Connection, name: str) -> list[AgentError]:
    rows = connection.execute(_ERRORS, (name, LAST_ERRORS)).fetchall()
    return [
        AgentError(task_id=task_id, attempt=attempt, at=moment(ended_at), error=raw(error))
        for task_id, attempt, ended_at, error in rows
    ]


def _entry(row: tuple[Any, ...]) -> AgentLogItem:
    seq, agent, task_id, life, attempt, worker, started_at, ended_at, outcome, error = row
    return AgentLogItem(
        seq=seq,
        agent=agent,
        task_id=task_id,
        life=life,
        attempt=attempt,
        worker=worker,
        started_at=moment(started_at),
        ended_at=moment(ended_at),
        outcome=outcome or "running",
        duration_ms=None if ended_at is None else max(0, ended_at - started_at) / 1000,
        error=raw(error),
    )


def _milliseconds(micros: float | None) -> float | None:
    return None if micros is None else micros / 1000
