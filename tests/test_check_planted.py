"""Each violation that a check can find, planted in a log of its own: it is found by its name, and nothing else is."""

import pytest
import pytest_asyncio
from msgspec.json import encode

from callboard.checking.violation import VIOLATIONS
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
    SCHEDULED,
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
    progressed,
    retried,
    routed,
    scheduled,
    started,
    submitted,
    unblocked,
)

DONE = (*RUNNING, completed())
HOOKED = (submitted(delivery=[HOOK]), *RUNNING[1:], completed())
AT = "2026-03-01T09:00:00Z"
FIRST = "callboard.events.task.task-1"

SOUND: dict[str, list[TaskEvent]] = {
    "completed": [*DONE, archived(6)],
    "failed": [*FAILED],
    "nobody": [submitted(), failed(2, attempts=0)],
    "retried": [*FAILED, retried(), assigned(8, life=2), started(9), completed(10)],
    "again": [*RUNNING, attempt_failed(), scheduled(6, why="retry"), assigned(7, 2), started(8, 2), completed(9)],
    "blocked": [*BLOCKED, unblocked(), assigned(5), started(6), progressed(7, fraction=0.5), completed(8)],
    "in vain": [*BLOCKED, failed(4, attempts=0)],
    "late": [*SCHEDULED, expired(4)],
    "called off": [*RUNNING, cancelled(5), retried(6), assigned(7, life=2), cancelled(8)],
    "told": [*HOOKED, delivery_failed(6), delivered(7, attempt=2), archived(8)],
    "given up": [*HOOKED, delivery_failed(6, final=True)],
    "queued": [*QUEUED],
    "scheduled": [*SCHEDULED],
    "waiting": [*BLOCKED],
}

WRONG: dict[str, tuple[str, list[TaskEvent]]] = {
    "a version left out": ("version_gap", [*QUEUED, completed(5)]),
    "a first version left out": ("version_gap", [routed(), assigned(), started(), completed()]),
    "a version twice": ("version_repeated", [*RUNNING, progressed(4), completed(5)]),
    "a result without a run": ("event_not_allowed", [*QUEUED, completed(4)]),
    "an attempt left out": ("event_not_allowed", [*RUNNING, attempt_failed(), assigned(6, 3), started(7, 3)]),
    "a run of another attempt": ("event_not_allowed", [*QUEUED, started(4, 2), completed(5)]),
    "a life left out": ("event_not_allowed", [*FAILED, retried(), assigned(8, life=3), started(9), completed(10)]),
    "a completed task retried": ("event_not_allowed", [*DONE, retried(6), assigned(7, life=2)]),
    "an archived task retried": ("event_not_allowed", [*FAILED, archived(7), retried(8), assigned(9, life=2)]),
    "a second archiving": ("event_not_allowed", [*DONE, archived(6), archived(7)]),
    "a delivery nobody asked for": ("event_not_allowed", [*DONE, delivered(6)]),
    "an attempt to deliver left out": ("event_not_allowed", [*HOOKED, delivered(6, attempt=2)]),
    "a second end": ("two_endings", [*DONE, failed(6)]),
    "a second end after its end": ("two_endings", [*RUNNING, cancelled(5), completed(6)]),
    "a run behind the end": ("ran_on_after_end", [*DONE, started(6, 2)]),
    "a report behind the end": ("ran_on_after_end", [*RUNNING, cancelled(5), progressed(6)]),
    "a delivery made twice": ("delivery_after_final", [*HOOKED, delivered(6), delivered(7, attempt=2)]),
    "a delivery given up": ("delivery_after_final", [*HOOKED, delivery_failed(6, final=True), delivered(7, attempt=2)]),
    "archived too soon": ("delivery_unfinished", [*HOOKED, archived(6)]),
    "a decision broken off": ("open_without_reason", [*FAILED, retried()]),
    "a task for nobody": ("open_without_reason", [submitted(), routed()]),
}


planted = pytest_asyncio.fixture(planted_log)


async def test_what_decisions_yield_is_sound(planted: Planted) -> None:
    for number, events in enumerate(SOUND.values()):
        await planted.tell(named(f"task-{number}", events))

    report = await planted.check()

    assert list(report.violations) == []
    assert report.sound
    assert report.tasks == len(SOUND)
    assert report.reasons == {"in the queue of billing": 1, "waits for its time": 1, "waits for tasks": 1}
    assert [each.id for each in report.oldest_open] == ["task-11", "task-12", "task-13"]
    assert report.oldest_open[2].reason == "waits for first and 1 more"


async def test_an_empty_log_is_sound(planted: Planted) -> None:
    assert (await planted.check()).sound


@pytest.mark.parametrize("what", WRONG)
async def test_what_no_decision_yields_is_found(planted: Planted, what: str) -> None:
    name, events = WRONG[what]
    await planted.tell(named("task-0", DONE))
    await planted.tell(events)

    assert await planted.found() == {name: 1}


async def test_a_body_that_nobody_can_read(planted: Planted) -> None:
    await planted.tell(QUEUED)
    await planted.raw(f"{FIRST}.4.started", b"{")
    await planted.tell([completed()])
    assert await planted.found() == {"unreadable_event": 1}


async def test_a_body_about_another_task(planted: Planted) -> None:
    await planted.tell(RUNNING)
    (other,) = named("task-2", [completed()])
    await planted.raw(subject_of(completed()), encode(other))
    assert await planted.found() == {"subject_differs": 1}


async def test_a_queue_that_is_not_the_one_of_the_subject(planted: Planted) -> None:
    await planted.tell(QUEUED[:2])
    await planted.raw(f"{FIRST}.3.assigned.mail.normal", encode(assigned()))
    assert await planted.found() == {"subject_differs": 1}


async def test_a_message_that_is_no_event(planted: Planted) -> None:
    await planted.tell(DONE)
    await planted.raw("callboard.events.stray", b"{}")
    assert await planted.found() == {"stray_message": 1}


async def test_an_event_id_that_comes_again(planted: Planted) -> None:
    await planted.raw(subject_of(submitted()), encode(submitted()), "one.0")
    await planted.raw(subject_of(routed()), encode(routed()), "one.1")
    await planted.raw(subject_of(assigned()), encode(assigned()), "two.0")
    await planted.raw(subject_of(started()), encode(started()), "one.1")
    assert await planted.found() == {"event_id_repeated": 1}


async def test_sequences_that_are_missing(planted: Planted) -> None:
    await planted.wire.js.delete_stream(subjects.EVENTS)
    await planted.wire.js.add_stream(name=subjects.EVENTS, subjects=["callboard.events.>"], allow_direct=True)
    await planted.tell([*named("task-0", DONE), *DONE])
    await planted.raw("callboard.events.agent.billing.1.invented", b"{}")
    await planted.tell(named("task-2", DONE))
    await planted.wire.js.delete_msg(subjects.EVENTS, 11)
    assert await planted.found() == {"sequence_gap": 1}


async def test_versions_of_agents_and_heartbeats_have_no_gaps_either(planted: Planted) -> None:
    await planted.raw("callboard.events.agent.billing.1.forgotten", {"id": "billing", "version": 1, "at": AT})
    await planted.raw("callboard.events.heartbeat.report.2.removed", {"id": "report", "version": 2, "at": AT})
    assert await planted.found() == {"version_gap": 1}


async def test_versions_of_users_have_no_gaps_either_and_what_is_known_of_them_can_be_read(planted: Planted) -> None:
    await planted.raw("callboard.events.user.ada.1.invented", {"id": "ada", "version": 1, "at": AT})
    rejected = {"id": "ada", "version": 3, "at": AT, "rule": "r-1"}
    await planted.raw("callboard.events.user.ada.3.rule_rejected", rejected)
    await planted.raw("callboard.events.user.ada.4.rule_rejected", {"id": "ada", "version": 4, "at": AT})
    assert await planted.found() == {"version_gap": 1, "unreadable_event": 1}


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


async def test_one_fault_is_one_violation_whatever_follows(planted: Planted) -> None:
    await planted.tell([submitted(), routed(3), blocked(4), unblocked(5), assigned(6), started(7), completed(8)])
    assert await planted.found() == {"version_gap": 1}


def test_the_names_are_told_apart_by_these_tests() -> None:
    told = {name for name, _ in WRONG.values()} | {
        "child_alive_under_cancelled_parent",
        "event_id_repeated",
        "link_alone",
        "link_missing",
        "sequence_gap",
        "stray_message",
        "subject_differs",
        "unreadable_event",
    }
    elsewhere = {"consumer_ahead", "position_guard", "views_differ"}
    assert told | elsewhere == VIOLATIONS.keys()
