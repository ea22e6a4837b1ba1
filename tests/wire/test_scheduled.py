"""Tasks that wait for their time, and tasks whose time is over: seen on the wire alone."""

from datetime import datetime, timedelta

from tests.support.timers import FIRED, in_seconds, timers, until_timers
from tests.support.wire import Wire
from tests.support.wire_event import last, names

BEGUN = ["submitted", "routed"]
DONE = ["assigned", "started", "completed"]
MOST_LATE = timedelta(seconds=2)
"""On a machine that does much else at the time; ``bench/timers.py`` measures it."""


async def test_a_task_starts_when_its_time_has_come(wire: Wire) -> None:
    events = await wire.run({"input": "echo", "scheduled_for": in_seconds(1)})

    assert names(events) == [*BEGUN, "scheduled", *DONE]
    scheduled = last(events, "scheduled").fields
    assert scheduled["why"] == "requested"
    due = datetime.fromisoformat(scheduled["due"])
    assert timedelta() <= datetime.fromisoformat(last(events, "assigned").body["at"]) - due < MOST_LATE


async def test_a_time_that_has_passed_is_now(wire: Wire) -> None:
    events = await wire.run({"input": "echo", "scheduled_for": in_seconds(-60)})

    assert names(events) == [*BEGUN, *DONE]


async def test_a_task_is_seen_to_wait(wire: Wire, new_id: str) -> None:
    due = in_seconds(3600)
    seq = (await wire.ask("api.submit", {"id": new_id, "input": "echo", "scheduled_for": due})).ok["seq"]

    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": seq})).ok

    assert (shown["status"], shown["attempts"]) == ("scheduled", 0)
    assert datetime.fromisoformat(shown["scheduled_for"]) == datetime.fromisoformat(due)
    await until_timers(wire, lambda found: f"{new_id}.3" in found, "its timer waits")
    await wire.publish(f"callboard.cancel.{new_id}", {})


async def test_cancelling_removes_the_timers(wire: Wire, new_id: str) -> None:
    body = {"id": new_id, "input": "echo", "scheduled_for": in_seconds(3600), "expires_at": in_seconds(7200)}
    await wire.publish("callboard.submit", body)
    await until_timers(wire, {f"{new_id}.3", f"{new_id}.expiry"}.issubset, "both timers wait")

    await wire.publish(f"callboard.cancel.{new_id}", {"reason": "not today"})

    await until_timers(wire, lambda found: not any(name.startswith(new_id) for name in found), "they are gone")
    assert names(await wire.stored(new_id)) == [*BEGUN, "scheduled", "cancelled"]


async def test_cancelling_by_request_removes_the_timers_too(wire: Wire, new_id: str) -> None:
    await wire.ask("api.submit", {"id": new_id, "input": "echo", "expires_at": in_seconds(3600), "agent": "single"})
    waiting = {"id": f"{new_id}-2", "input": "echo", "scheduled_for": in_seconds(3600)}
    await wire.ask("api.submit", waiting)
    await until_timers(wire, {f"{new_id}.expiry", f"{new_id}-2.3"}.issubset, "both timers wait")

    assert (await wire.ask("api.cancel", {"id": f"{new_id}-2"})).ok["id"] == f"{new_id}-2"

    await until_timers(wire, lambda found: f"{new_id}-2.3" not in found, "it is gone")


async def test_a_task_that_was_called_off_before_its_time_can_be_retried_at_once(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit", {"id": new_id, "input": "echo", "scheduled_for": in_seconds(3600)})
    await live.until("scheduled")
    await wire.publish(f"callboard.cancel.{new_id}", {})
    await live.until("cancelled")

    await wire.publish(f"callboard.retry.{new_id}", b"")

    events = await live.until("completed")
    assert names(events) == [*BEGUN, "scheduled", "cancelled", "retried", *DONE]
    await until_timers(wire, lambda found: f"{new_id}.3" not in found, "its timer is gone")


async def test_what_is_not_started_in_time_expires(wire: Wire) -> None:
    events = await wire.run({"input": "echo", "scheduled_for": in_seconds(3600), "expires_at": in_seconds(0.5)})

    assert names(events) == [*BEGUN, "scheduled", "expired"]
    expires_at = datetime.fromisoformat(events[0].fields["expires_at"])
    assert timedelta() <= datetime.fromisoformat(events[-1].body["at"]) - expires_at < MOST_LATE
    task_id = events[0].task_id
    await until_timers(wire, lambda found: f"{task_id}.3" not in found, "its other timer is gone")


async def test_what_has_expired_when_it_arrives_is_not_run(wire: Wire) -> None:
    events = await wire.run({"input": "echo", "expires_at": in_seconds(-1)})

    assert names(events) == [*BEGUN, "expired"]


async def test_a_task_expires_in_the_queue_of_a_busy_agent(wire: Wire, new_id: str) -> None:
    busy = await wire.follow(f"{new_id}-busy")
    await wire.publish("callboard.submit.single", {"id": f"{new_id}-busy", "input": "wait"})
    await busy.until("started")

    events = await wire.run({"input": "next", "expires_at": in_seconds(0.5)}, "single")

    assert names(events) == [*BEGUN, "assigned", "expired"]
    await wire.publish(f"callboard.cancel.{new_id}-busy", {})
    await busy.until("cancelled")


async def test_what_was_started_in_time_runs_to_its_end(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.single", {"id": new_id, "input": "wait", "expires_at": in_seconds(1)})
    await live.until("started")

    await until_timers(wire, lambda found: f"{new_id}.expiry" not in found, "its timer has fired")
    await wire.publish(f"callboard.cancel.{new_id}", {})

    assert names(await live.until_over()) == [*BEGUN, "assigned", "started", "cancelled"]


async def test_an_expired_task_gets_a_new_life_without_an_end(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit", {"id": new_id, "input": "echo", "expires_at": in_seconds(-1)})
    await live.until("expired")

    await wire.publish(f"callboard.retry.{new_id}", b"")

    assert names(await live.until("completed")) == [*BEGUN, "expired", "retried", *DONE]


async def test_the_same_submission_again_is_one_task_with_one_timer(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    body = {"id": new_id, "input": "echo", "scheduled_for": in_seconds(1), "expires_at": in_seconds(3600)}
    for _ in range(3):
        await wire.publish("callboard.submit", body)

    events = await live.until_over()

    assert names(events) == [*BEGUN, "scheduled", *DONE]


async def test_what_is_due_after_all_that_the_server_can_count_waits(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit", {"id": new_id, "input": "echo", "scheduled_for": "9999-12-31T23:59:59Z"})
    await live.until("scheduled")
    await wire.run({"input": "echo", "scheduled_for": in_seconds(0.5)})

    assert names(await wire.stored(new_id)) == [*BEGUN, "scheduled"]
    await wire.publish(f"callboard.cancel.{new_id}", {})


async def test_timers_that_have_fired_are_swept_away(wire: Wire) -> None:
    await wire.run({"input": "echo", "scheduled_for": in_seconds(0.5)})

    await until_timers(wire, lambda found: not found, "nothing is left", FIRED)


async def test_a_timer_that_fires_for_nothing_changes_nothing(wire: Wire) -> None:
    events = await wire.run({"input": "echo"})
    task_id = events[0].task_id

    for name in ("2", "3", "expiry", "99"):
        await wire.publish(f"callboard.due.task.{task_id}.{name}", b"")
    await wire.publish("callboard.due.task.never-was.3", b"")
    await until_timers(wire, lambda found: not found, "all are dealt with", FIRED)

    assert names(await wire.stored(task_id)) == names(events)
    assert await timers(wire, f"callboard.timers.task.{task_id}.>") == set()


async def test_a_retry_waits_for_its_time_at_the_server(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.patient", {"id": new_id, "input": {"succeeds_at": 2, "after": 1}})

    events = await live.until_over()

    assert names(events) == [*BEGUN, "assigned", "started", "attempt_failed", "scheduled", *DONE]
    scheduled = last(events, "scheduled")
    assert scheduled.fields["why"] == "retry"
    due = datetime.fromisoformat(scheduled.fields["due"])
    assert due - datetime.fromisoformat(scheduled.body["at"]) == timedelta(seconds=1)
    assert timedelta() <= datetime.fromisoformat(last(events, "assigned").body["at"]) - due < MOST_LATE
    assert last(events, "completed").fields["output"] == {"attempt": 2}


async def test_cancelling_removes_the_timer_of_a_retry(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.patient", {"id": new_id, "input": {"succeeds_at": 2, "after": 3600}})
    await live.until("scheduled")
    await until_timers(wire, lambda found: f"{new_id}.6" in found, "its timer waits")

    await wire.publish(f"callboard.cancel.{new_id}", {})

    assert names(await live.until_over())[-2:] == ["scheduled", "cancelled"]
    await until_timers(wire, lambda found: f"{new_id}.6" not in found, "it is gone")


async def test_the_timers_of_a_subtask_go_with_its_parent(wire: Wire, new_id: str) -> None:
    parent = {"id": new_id, "input": "echo", "scheduled_for": in_seconds(3600)}
    child = {**parent, "id": f"{new_id}-child", "parent_id": new_id, "expires_at": in_seconds(7200)}
    for body in (parent, child):
        await wire.publish("callboard.submit", body)
    mine = {f"{new_id}.3", f"{new_id}-child.3", f"{new_id}-child.expiry"}
    await until_timers(wire, mine.issubset, "all three wait")

    await wire.publish(f"callboard.cancel.{new_id}", {})

    await until_timers(wire, mine.isdisjoint, "all three are gone")


async def test_a_task_that_waits_for_another_expires(wire: Wire) -> None:
    events = await wire.run({"input": "echo", "depends_on": ["never-there"], "expires_at": in_seconds(0.5)})

    assert names(events) == [*BEGUN, "blocked", "expired"]
