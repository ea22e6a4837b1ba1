import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from callboard.events.task_events import TaskError, TaskEvent
from callboard.projections import find_agents
from callboard.projections.answers import AgentItem
from callboard.projections.queries import Queries
from callboard.projections.reader import connect
from tests.support.log_stretch import at, named
from tests.support.task_story import (
    NOW,
    QUEUED,
    RUNNING,
    START,
    assigned,
    attempt_failed,
    cancelled,
    completed,
    failed,
    routed,
    started,
    submitted,
)
from tests.support.views import holding

MAIL: list[TaskEvent] = [submitted(), routed(agent="mail"), assigned(agent="mail"), started(worker="worker-9")]
LOST = TaskError("Timeout", "took too long")
EVENTS = [
    *named("queued", QUEUED),
    *named("running", RUNNING),
    *(event for ms in (10, 20, 30, 40) for event in named(f"done-{ms}", [*RUNNING, completed(duration_ms=float(ms))])),
    *named("lost", [*RUNNING, attempt_failed(5), assigned(6, 2), at(NOW, started(7, 2))]),
    *named("lost", [at(NOW + timedelta(seconds=3), attempt_failed(8, 2, error=LOST)), failed(9, error=LOST)]),
    *named("mailed", [*MAIL, attempt_failed(5, released=True), assigned(6, 2, agent="mail")]),
    *named("called-off", [*MAIL, at(NOW, cancelled(5))]),
    *named("nobody", [submitted(), failed(2)]),
]


@pytest.fixture
async def queries(tmp_path: Path) -> AsyncIterator[Queries]:
    queries = Queries(holding(tmp_path / "views", EVENTS))
    yield queries
    queries.close()


async def agent(queries: Queries, name: str) -> AgentItem:
    return next(item for item in (await queries.agents(["idle"])).agents if item.agent == name)


async def test_agents_stand_by_name_with_those_that_had_no_task_yet(queries: Queries) -> None:
    answer = await queries.agents(["idle", "mail"])
    assert [item.agent for item in answer.agents] == ["billing", "idle", "mail"]
    assert answer.as_of_seq == len(EVENTS)
    assert await agent(queries, "idle") == AgentItem(
        agent="idle",
        active=0,
        queued=0,
        completed=0,
        failed=0,
        avg_ms=None,
        p50_ms=None,
        p95_ms=None,
        failure_rate=0.0,
        last_errors=[],
    )


async def test_an_agent_has_its_tasks_its_times_and_its_failures(queries: Queries) -> None:
    billing = await agent(queries, "billing")
    assert (billing.active, billing.queued, billing.completed, billing.failed) == (1, 1, 4, 1)
    assert (billing.avg_ms, billing.p50_ms, billing.p95_ms, billing.failure_rate) == (25.0, 20.0, 40.0, 0.2)
    assert [(error.task_id, error.attempt) for error in billing.last_errors] == [("lost", 2), ("lost", 1)]
    assert msgspec.json.decode(billing.last_errors[0].error or b"") == msgspec.to_builtins(LOST)


async def test_released_and_cancelled_attempts_are_no_failures(queries: Queries) -> None:
    mail = await agent(queries, "mail")
    assert (mail.active, mail.queued, mail.completed, mail.failed) == (0, 1, 0, 0)
    assert (mail.failure_rate, mail.last_errors) == (0.0, [])


async def test_the_agent_log_has_every_attempt_the_last_started_first(queries: Queries) -> None:
    entries = (await queries.agent_log()).entries
    assert [entry.task_id for entry in entries] == [
        *("called-off", "mailed", "lost", "lost", "done-40", "done-30", "done-20", "done-10", "running")
    ]
    assert [entry.seq for entry in entries] == sorted((entry.seq for entry in entries), reverse=True)


async def test_an_attempt_has_its_worker_its_end_and_its_duration(queries: Queries) -> None:
    last, first = (await queries.agent_log(task_id="lost")).entries
    assert (last.agent, last.attempt, last.worker, last.outcome) == ("billing", 2, "worker-1", "failed")
    assert (last.started_at, last.ended_at, last.duration_ms) == (NOW, NOW + timedelta(seconds=3), 3_000.0)
    assert msgspec.json.decode(last.error or b"") == msgspec.to_builtins(LOST)
    assert (first.attempt, first.outcome, first.started_at) == (1, "failed", START)


@pytest.mark.parametrize(
    ("task_id", "outcome"),
    [("running", "running"), ("done-10", "completed"), ("called-off", "cancelled"), ("mailed", "released")],
)
async def test_an_attempt_says_how_it_ended(queries: Queries, task_id: str, outcome: str) -> None:
    (entry,) = (await queries.agent_log(task_id=task_id)).entries
    assert entry.outcome == outcome
    assert (entry.ended_at is None) == (entry.duration_ms is None) == (outcome == "running")


async def test_an_attempt_that_has_not_begun_is_not_in_the_log(queries: Queries) -> None:
    assert (await queries.agent_log(task_id="queued")).entries == []


async def test_the_agent_log_is_of_one_agent_and_so_long_if_asked(queries: Queries) -> None:
    assert {entry.agent for entry in (await queries.agent_log(agent="mail")).entries} == {"mail"}
    assert len((await queries.agent_log(limit=3)).entries) == 3
    assert (await queries.agent_log(agent="mail", task_id="lost")).entries == []
    assert len((await queries.agent_log(agent="billing", task_id="lost")).entries) == 2


async def test_agents_carry_the_last_five_errors(tmp_path: Path) -> None:
    events = [event for n in range(8) for event in named(f"task-{n}", [*RUNNING, attempt_failed(5), failed(6)])]
    queries = Queries(holding(tmp_path / "more", events))
    (billing,) = (await queries.agents()).agents
    queries.close()
    assert [error.task_id for error in billing.last_errors] == [f"task-{n}" for n in (7, 6, 5, 4, 3)]


async def test_the_counts_and_times_of_agents_come_from_indexes_alone(tmp_path: Path) -> None:
    with contextlib.closing(connect(holding(tmp_path / "more", EVENTS))) as connection:
        seen: list[str] = []
        connection.set_trace_callback(seen.append)
        find_agents.agents(connection, ())
        connection.set_trace_callback(None)
        for sql in [sql for sql in seen if "FROM tasks" in sql]:
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
            assert any("USING COVERING INDEX" in step for step in plan), (sql, plan)
