"""What a check says of tasks that are open, of results on their way, and of subtasks and their parents."""

import pytest
import pytest_asyncio
from msgspec.json import encode
from msgspec.structs import replace

from callboard.events import subjects
from callboard.events.task_events import TaskEvent
from tests.support.log_stretch import named, subject_of
from tests.support.planted import Planted, planted_log
from tests.support.task_story import (
    BLOCKED,
    FAILED,
    HOOK,
    NOW,
    QUEUED,
    RUNNING,
    assigned,
    cancelled,
    completed,
    retried,
    routed,
    scheduled,
    submitted,
)

DONE = (*RUNNING, completed())

planted = pytest_asyncio.fixture(planted_log)


async def test_a_task_in_the_queue_of_an_agent_that_nobody_ever_served(planted: Planted) -> None:
    await planted.tell([submitted(), replace(routed(), agent="desk"), replace(assigned(), agent="desk")])
    report = await planted.check()
    assert report.counts == {"open_without_reason": 1}
    assert report.oldest_open[0].reason == "nobody ever announced the agent desk"


async def test_a_subtask_that_its_parent_does_not_know(planted: Planted) -> None:
    await planted.tell(DONE)
    (child,) = named("task-2", [submitted(parent_id="task-1")])
    await planted.raw(subject_of(child), encode(child))
    await planted.tell(named("task-2", DONE[1:]))
    assert await planted.found() == {"link_missing": 1}


async def test_a_link_without_its_subtask(planted: Planted) -> None:
    await planted.tell(DONE)
    body = {"parent": "task-1", "child": "task-2", "at": "2026-03-01T09:00:00Z"}
    await planted.raw(subjects.child("task-1", "task-2"), body)
    assert await planted.found() == {"link_alone": 1}


async def test_a_child_that_outlives_its_cancelled_parent(planted: Planted) -> None:
    await planted.tell(named("parent", RUNNING))
    await planted.tell(named("child", [submitted(parent_id="parent"), *QUEUED[1:]]))
    await planted.tell(named("parent", [cancelled(5)]))
    assert await planted.found() == {}, "its cancellation is on its way"

    await planted.dealt_with(subjects.SUBTASKS_DURABLE, subjects.task_event("cancelled"))
    assert await planted.found() == {"child_alive_under_cancelled_parent": 1}


async def test_a_child_that_was_stored_behind_the_end_of_its_parent(planted: Planted) -> None:
    await planted.tell(named("parent", [*RUNNING, cancelled(5)]))
    await planted.dealt_with(subjects.SUBTASKS_DURABLE, subjects.task_event("cancelled"))
    await planted.tell(named("child", [submitted(parent_id="parent"), *QUEUED[1:]]))
    assert await planted.found() == {}

    await planted.dealt_with(subjects.CHILDREN_DURABLE, f"{subjects.CHILD_PREFIX}.>")
    assert await planted.found() == {"child_alive_under_cancelled_parent": 1}


async def test_a_child_with_a_new_life_of_its_own_may_outlive_its_parent(planted: Planted) -> None:
    await planted.tell(named("child", [submitted(parent_id="parent"), *QUEUED[1:], cancelled(4)]))
    await planted.tell(named("parent", [*RUNNING, cancelled(5)]))
    await planted.tell(named("child", [retried(5), assigned(6, life=2)]))
    await planted.dealt_with(subjects.SUBTASKS_DURABLE, subjects.task_event("cancelled"))
    assert await planted.found() == {}


@pytest.mark.parametrize(
    ("events", "durable", "subject"),
    [
        (QUEUED, "specialist-billing-normal", subjects.assigned("billing", "normal")),
        (RUNNING, "specialist-billing-normal", subjects.assigned("billing", "normal")),
        (BLOCKED, subjects.DEPENDENCIES_DURABLE, subjects.task_event("blocked")),
        ((submitted(), routed(), scheduled(due=NOW)), subjects.SCHEDULER_DURABLE, subjects.task_event("scheduled")),
    ],
    ids=["assigned", "running", "blocked", "scheduled"],
)
async def test_an_open_task_that_nobody_holds(
    planted: Planted, events: list[TaskEvent], durable: str, subject: str
) -> None:
    await planted.tell(events)
    assert await planted.found() == {}

    await planted.dealt_with(durable, subject)

    report = await planted.check()
    assert report.counts == {"open_without_reason": 1}
    assert report.reasons == {"nothing": 1}


async def test_a_scheduled_task_whose_timer_waits_has_its_reason(planted: Planted) -> None:
    await planted.tell([submitted(), routed(), scheduled(due=NOW)])
    await planted.dealt_with(subjects.SCHEDULER_DURABLE, subjects.task_event("scheduled"))
    await planted.wire.publish(subjects.due("task-1", "3"), {"due": "2026-03-01T09:00:10Z"})
    assert await planted.found() == {}


@pytest.mark.parametrize("end", [[*RUNNING[1:], completed()], [*FAILED[1:]]], ids=["completed", "failed"])
async def test_a_result_that_nobody_delivers(planted: Planted, end: list[TaskEvent]) -> None:
    await planted.tell([submitted(delivery=[HOOK]), *end])
    assert (await planted.check()).deliveries == 1

    for ending in ("completed", "failed"):
        await planted.dealt_with(subjects.delivery_durable(ending), subjects.task_event(ending))

    assert await planted.found() == {"delivery_unfinished": 1}
