"""What the views show of tasks that wait, expire, are retried and leave."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from callboard.events.task_events import TaskError, TaskEvent
from callboard.projections.answers import TaskAnswer
from callboard.projections.difference import first_difference
from callboard.projections.queries import Queries
from tests.support.log_stretch import at, log_of, named
from tests.support.task_story import (
    AGAIN,
    BLOCKED,
    FAILED,
    HOOK,
    LATER,
    LOG,
    NOW,
    OOPS,
    QUEUED,
    RUNNING,
    SCHEDULED,
    START,
    archived,
    assigned,
    attempt_failed,
    blocked,
    cancelled,
    completed,
    delivered,
    delivery_failed,
    expired,
    failed,
    retried,
    scheduled,
    started,
    submitted,
    unblocked,
    unknown,
)
from tests.support.views import filled, holding, rows

DELIVERED = (submitted(delivery=[LOG, HOOK]), *FAILED[1:], delivered(7), delivery_failed(8, 1, channel="webhook"))
Way = Any


def in_one(path: Path, events: Sequence[TaskEvent]) -> Path:
    return filled(path, [log_of(events)])


def one_by_one(path: Path, events: Sequence[TaskEvent]) -> Path:
    return filled(path, [[event] for event in log_of(events)])


@pytest.fixture(params=[in_one, one_by_one])
def way(request: pytest.FixtureRequest) -> Way:
    """How the events come: in one batch, or each in one of its own."""
    return request.param


async def shown(path: Path, task_id: str = "task-1") -> TaskAnswer:
    queries = Queries(path)
    try:
        task = await queries.task(task_id)
    finally:
        queries.close()
    assert task is not None
    return task


async def test_a_blocked_task_is_shown_as_one(tmp_path: Path) -> None:
    task = await shown(holding(tmp_path / "views", BLOCKED))
    assert (task.status, task.agent, task.depends_on, task.finished_at) == (
        "blocked", "billing", Raw(b'["first","second"]'), None,
    )  # fmt: skip
    assert (await shown(holding(tmp_path / "on", (*BLOCKED, unblocked(), assigned(5))))).status == "assigned"


async def test_a_scheduled_task_has_the_time_it_waits_for(tmp_path: Path) -> None:
    task = await shown(holding(tmp_path / "views", SCHEDULED))
    assert (task.status, task.scheduled_for, task.due) == ("scheduled", LATER, LATER)
    task = await shown(holding(tmp_path / "on", (*SCHEDULED, assigned(4))))
    assert (task.status, task.scheduled_for, task.due) == ("assigned", LATER, None)


async def test_a_task_that_waits_for_its_next_attempt_says_until_when(tmp_path: Path, way: Way) -> None:
    history = (*RUNNING, attempt_failed(), scheduled(6, NOW, "retry"))
    task = await shown(way(tmp_path / "views", history))
    assert (task.status, task.attempts, task.scheduled_for, task.due) == ("scheduled", 1, None, NOW)
    again = (*history, assigned(7, 2), started(8, 2), attempt_failed(9, 2))
    assert (await shown(way(tmp_path / "on", again))).due is None


async def test_an_expired_task_has_ended(tmp_path: Path) -> None:
    history = [submitted(expires_at=NOW), *QUEUED[1:], at(LATER, expired(4))]
    task = await shown(holding(tmp_path / "views", history))
    assert (task.status, task.expires_at, task.finished_at) == ("expired", NOW, LATER)
    assert (task.started_at, task.error, task.duration_ms) == (None, None, None)


async def test_a_new_life_shows_nothing_of_the_one_before(tmp_path: Path, way: Way) -> None:
    task = await shown(way(tmp_path / "views", (*DELIVERED, retried(9), assigned(10, life=2))))
    assert (task.status, task.life, task.attempts, task.version) == ("assigned", 2, 0, 10)
    assert (task.output, task.error, task.started_at, task.finished_at, task.duration_ms) == (None,) * 5
    assert [
        (each.channel, each.status, each.attempts, each.at, each.receipt, each.error) for each in task.deliveries
    ] == [
        ("log", "pending", 0, None, None, None),
        ("webhook", "pending", 0, None, None, None),
    ]


async def test_a_new_life_counts_its_own_attempts(tmp_path: Path, way: Way) -> None:
    first = (*RUNNING, attempt_failed(5, released=True), assigned(6, 2), started(7, 2), cancelled(8))
    second = (*first, retried(9), assigned(10, life=2), started(11), attempt_failed(12, released=True))
    assert (await shown(way(tmp_path / "views", first))).attempts == 1
    assert (await shown(way(tmp_path / "released", second))).attempts == 0
    task = await shown(way(tmp_path / "on", (*second, assigned(13, 2, life=2), started(14, 2))))
    assert (task.life, task.attempts) == (2, 1)


async def test_a_new_life_that_is_blocked_is_counted_as_well(tmp_path: Path, way: Way) -> None:
    task = await shown(way(tmp_path / "views", (*BLOCKED, failed(4), retried(5), blocked(6))))
    assert (task.status, task.life) == ("blocked", 2)


async def test_a_delivery_of_the_new_life_is_shown(tmp_path: Path, way: Way) -> None:
    second = (*DELIVERED, retried(9), assigned(10, life=2), started(11), completed(12), delivered(13))
    task = await shown(way(tmp_path / "views", second))
    assert [(each.status, each.attempts) for each in task.deliveries] == [("delivered", 1), ("pending", 0)]


@pytest.mark.parametrize(
    ("history", "seconds"),
    [
        ([*BLOCKED, at(NOW, unblocked()), assigned(5), started(6)], 5),
        (
            [submitted(depends_on=["first"], scheduled_for=LATER), *BLOCKED[1:], at(NOW, unblocked()), scheduled(5)],
            0,
        ),
        ([*FAILED, at(NOW, retried()), assigned(8, life=2), started(9)], 5),
        ([*SCHEDULED, cancelled(4), at(NOW, retried(5)), assigned(6, life=2), started(7)], 5),
        ([*RUNNING, attempt_failed(), scheduled(6, NOW, "retry"), assigned(7, 2), started(8, 2)], 15),
    ],
)
def test_a_completion_is_timed_from_when_callboard_alone_stood_in_the_way(
    tmp_path: Path, way: Way, history: list[TaskEvent], seconds: int
) -> None:
    end = at(NOW + timedelta(seconds=5), completed(len(history) + 1))
    path = way(tmp_path / "views", [*history, end])
    assert rows(path, "SELECT completion FROM tasks") == [(seconds * 1_000_000,)]


def test_an_archived_task_leaves_with_its_deliveries_and_its_attempts_stay(tmp_path: Path, way: Way) -> None:
    around = named("other", DELIVERED)
    path = way(tmp_path / "views", [*around[:4], *DELIVERED, archived(9), *around[4:]])
    assert rows(path, "SELECT id FROM tasks") == [("other",)]
    assert rows(path, "SELECT DISTINCT task_id FROM task_deliveries") == [("other",)]
    assert rows(path, "SELECT task_id, attempt, outcome FROM agent_log ORDER BY task_id") == [
        ("other", 1, "failed"),
        ("task-1", 1, "failed"),
    ]


def test_what_a_newer_callboard_says_of_an_archived_task_does_not_bring_it_back(tmp_path: Path, way: Way) -> None:
    path = way(tmp_path / "views", [*FAILED, archived(7), unknown(8)])
    assert rows(path, "SELECT id FROM tasks") == []


def test_what_a_newer_callboard_says_of_a_task_counts_in_its_version(tmp_path: Path, way: Way) -> None:
    path = way(tmp_path / "views", [*QUEUED, unknown(4)])
    assert rows(path, "SELECT status, version, seq, n FROM tasks") == [("assigned", 4, 4, 1)]


async def test_archived_tasks_are_in_no_count(tmp_path: Path) -> None:
    gone = [event for n in range(3) for event in named(f"gone-{n}", [*RUNNING, completed(), archived(6)])]
    queries = Queries(holding(tmp_path / "views", [*QUEUED, *gone]))
    stats, agents = await queries.stats(), await queries.agents()
    queries.close()
    assert (stats.total, stats.completed, stats.queue_size, stats.p50_completion_seconds) == (1, 0, 1, None)
    assert (agents.agents[0].completed, agents.agents[0].queued) == (0, 1)


async def test_every_kind_of_waiting_is_pending_and_only_the_queue_is_the_queue(tmp_path: Path) -> None:
    waiting = {"blocked": BLOCKED, "scheduled": SCHEDULED, "queued": QUEUED, "late": (*QUEUED, expired(4))}
    events = [event for name, history in waiting.items() for event in named(name, history)]
    queries = Queries(holding(tmp_path / "views", events))
    stats = await queries.stats()
    queries.close()
    assert (stats.total, stats.pending, stats.queue_size, stats.in_progress, stats.expired) == (4, 3, 1, 0, 1)


async def test_the_agent_log_tells_lives_apart(tmp_path: Path, way: Way) -> None:
    path = way(tmp_path / "views", (*AGAIN, at(NOW, started(9, worker="worker-2")), completed(10)))
    queries = Queries(path)
    entries = (await queries.agent_log(task_id="task-1")).entries
    queries.close()
    assert [(each.life, each.attempt, each.worker, each.outcome, each.started_at) for each in entries] == [
        (2, 1, "worker-2", "completed", NOW),
        (1, 1, "worker-1", "failed", START),
    ]


@pytest.mark.parametrize("split", range(1, 11))
def test_an_attempt_belongs_to_its_life_wherever_the_log_is_cut(tmp_path: Path, split: int) -> None:
    log = log_of([*AGAIN, started(9), attempt_failed(10), assigned(11, 2, life=2), started(12, 2)])
    parted = filled(tmp_path / "parted", [log[:split], log[split:]])
    whole = filled(tmp_path / "whole", [log])
    assert first_difference(parted, whole) is None
    assert rows(parted, "SELECT life, attempt FROM agent_log ORDER BY seq") == [(1, 1), (2, 1), (2, 2)]


async def test_the_views_keep_no_traceback(tmp_path: Path) -> None:
    error = TaskError(OOPS.type, OOPS.message, "in ask")
    queries = Queries(holding(tmp_path / "views", (*RUNNING, attempt_failed(error=error), failed())))
    (entry,) = (await queries.agent_log()).entries
    queries.close()
    assert entry.error == Raw(b'{"type":"ValueError","message":"no such invoice"}')
