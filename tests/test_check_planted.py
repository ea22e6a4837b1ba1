"""Each violation that a check can find, planted in a log of its own: it is found by its name, and nothing else is."""

import pytest
import pytest_asyncio
from msgspec.json import encode
from msgspec.structs import replace

from callboard.checking.violation import VIOLATIONS
from callboard.events import subjects
from callboard.events.task_events import TaskEvent
from tests.support.log_stretch import named, subject_of
from tests.support.planted import Planted, planted_log
from tests.support.task_story import (
    BLOCKED,
    FAILED,
    HOOK,
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


def attempts(number: int) -> list[TaskEvent]:
    """Return what follows when an attempt fails, and its successor with this ``number`` begins."""
    version = 3 * number - 1
    return [attempt_failed(version, number - 1), assigned(version + 1, number), started(version + 2, number)]


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
    "waiting": [*BLOCKED[:2], replace(blocked(), on=["third", "fourth"])],
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
    "another agent than was chosen": (
        "event_not_allowed",
        [*QUEUED[:2], replace(assigned(), agent="desk"), started(), completed()],
    ),
    "more attempts than allowed": (
        "event_not_allowed",
        [*RUNNING, *(each for number in (2, 3, 4) for each in attempts(number)), completed(14)],
    ),
    "gone on too soon": ("event_not_allowed", [*BLOCKED, unblocked(), assigned(5), started(6), completed(7)]),
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
    await planted.tell([*named("first", DONE), *named("second", DONE)])
    for number, events in enumerate(SOUND.values()):
        await planted.tell(named(f"task-{number}", events))

    report = await planted.check()

    assert list(report.violations) == []
    assert report.sound
    assert report.tasks == 2 + len(SOUND)
    assert report.reasons == {"in the queue of billing": 1, "waits for its time": 1, "waits for tasks": 1}
    assert [each.id for each in report.oldest_open] == ["task-11", "task-12", "task-13"]
    assert report.oldest_open[2].reason == "waits for third and 1 more"


async def test_an_empty_log_is_sound(planted: Planted) -> None:
    await planted.clear()
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
    await planted.clear_events()
    await planted.tell([*named("task-0", DONE), *DONE])
    await planted.raw("callboard.events.agent.billing.1.invented", b"{}")
    await planted.tell(named("task-2", DONE))
    await planted.wire.js.delete_msg(subjects.EVENTS, 11)
    assert await planted.found() == {"sequence_gap": 1}


async def test_a_message_without_an_id(planted: Planted) -> None:
    await planted.tell(QUEUED)
    await planted.raw(subject_of(started()), encode(started()), "")
    await planted.tell([completed()])
    assert await planted.found() == {"event_id_missing": 1}


async def test_versions_of_agents_and_heartbeats_have_no_gaps_either(planted: Planted) -> None:
    await planted.raw("callboard.events.agent.billing.2.forgotten", {"id": "billing", "version": 2, "at": AT})
    await planted.raw("callboard.events.heartbeat.report.2.removed", {"id": "report", "version": 2, "at": AT})
    assert await planted.found() == {"version_gap": 1}


async def test_versions_of_users_have_no_gaps_either_and_what_is_known_of_them_can_be_read(planted: Planted) -> None:
    await planted.raw("callboard.events.user.ada.1.invented", {"id": "ada", "version": 1, "at": AT})
    rejected = {"id": "ada", "version": 3, "at": AT, "rule": "r-1"}
    await planted.raw("callboard.events.user.ada.3.rule_rejected", rejected)
    await planted.raw("callboard.events.user.ada.4.rule_rejected", {"id": "ada", "version": 4, "at": AT})
    assert await planted.found() == {"version_gap": 1, "unreadable_event": 1}


async def test_one_fault_is_one_violation_whatever_follows(planted: Planted) -> None:
    await planted.tell([submitted(), routed(3), blocked(4), unblocked(5), assigned(6), started(7), completed(8)])
    assert await planted.found() == {"version_gap": 1}


def test_the_names_are_told_apart_by_these_tests() -> None:
    told = {name for name, _ in WRONG.values()} | {
        "child_alive_under_cancelled_parent",
        "event_id_missing",
        "event_id_repeated",
        "link_alone",
        "link_missing",
        "sequence_gap",
        "stray_message",
        "subject_differs",
        "unreadable_event",
    }
    elsewhere = {"consumer_ahead", "position_guard", "views_apart", "views_differ", "past_differs", "counts_differ"}
    assert told | elsewhere == VIOLATIONS.keys()
