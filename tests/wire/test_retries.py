"""Pauses between attempts, and errors that say when or whether there is another."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, last, names

APP = "retry_agents.py"
BEGUN = ["submitted", "routed", "assigned"]
TOGETHER = 20


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def pauses(events: list[WireEvent]) -> list[timedelta]:
    """Return how long after it failed each attempt was to be followed by the next."""
    scheduled = [event for event in events if event.name == "scheduled"]
    return [moment(event.fields["due"]) - moment(event.body["at"]) for event in scheduled]


async def test_after_each_failure_comes_a_pause_and_then_the_next_attempt(wire: Wire) -> None:
    events = await wire.run({"input": 4}, "backing")

    tried = ["started", "attempt_failed", "scheduled", "assigned"]
    assert names(events) == [*BEGUN, *3 * tried, "started", "completed"]
    assert {event.fields["why"] for event in events if event.name == "scheduled"} == {"retry"}
    assert last(events, "completed").fields["output"] == {"attempt": 4}
    for scheduled, assigned in pairwise(events):
        if scheduled.name == "scheduled":
            assert moment(assigned.body["at"]) >= moment(scheduled.fields["due"])


async def test_a_pause_is_a_random_share_of_an_exponential_below_the_cap(wire: Wire) -> None:
    live = await wire.follow()
    for _ in range(TOGETHER):
        await wire.publish("callboard.submit.backing", {"input": 4})

    events = await live.until_all("completed", TOGETHER, 60)

    ids = {event.task_id for event in events}
    waits = [pauses([event for event in events if event.task_id == task_id]) for task_id in ids]
    for number, longest in enumerate([0.1, 0.3, 0.5]):
        drawn = [each[number].total_seconds() for each in waits]
        assert all(0 <= pause <= longest for pause in drawn)
        assert len(set(drawn)) > TOGETHER / 2, "those that failed together come back together"


@pytest.mark.parametrize("after", [0.25, 0])
async def test_a_handler_may_say_when_it_is_to_be_tried_again(wire: Wire, after: float) -> None:
    events = await wire.run({"input": after}, "asking")

    waiting = ["scheduled"] if after else []
    assert names(events) == [*BEGUN, "started", "attempt_failed", *waiting, "assigned", "started", *names(events)[-2:]]
    assert pauses(events) == [timedelta(seconds=after)] * len(waiting)
    failed = last(events, "failed").fields
    assert failed == {"error": {"type": "Retry", "message": "the shop is closed"}, "attempts": 2}


async def test_a_wait_that_is_none_is_an_error_like_any_other(wire: Wire) -> None:
    events = await wire.run({"input": -1, "max_attempts": 1}, "asking")

    assert last(events, "failed").fields["error"]["type"] == "InvalidValueError"
    assert "after" in last(events, "failed").fields["error"]["message"]


async def test_a_handler_may_give_up(wire: Wire) -> None:
    events = await wire.run({"input": "R-1"}, "failing")

    assert names(events) == [*BEGUN, "started", "attempt_failed", "failed"]
    assert last(events, "failed").fields["error"] == {"type": "KeyError", "message": "no such order"}
    attempt = last(events, "attempt_failed").fields
    assert attempt["retryable"] is False
    assert "ORDERS.pop(task.input)" in attempt["error"]["traceback"]
    assert attempt["error"]["traceback"].endswith("Fail: no such order")


@pytest.mark.parametrize(("given", "attempts"), [("key", 1), ("value", 5)])
async def test_an_agent_may_name_errors_that_are_final(wire: Wire, given: str, attempts: int) -> None:
    events = await wire.run({"input": given}, "picky")

    assert names(events).count("started") == attempts
    assert last(events, "failed").fields["error"]["message"] == str(attempts)


async def test_a_task_that_waits_for_its_next_attempt_can_be_cancelled(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.asking", {"id": new_id, "input": 3_600})
    await live.until("scheduled")
    await wire.publish(f"callboard.cancel.{new_id}", {})

    assert names(await live.until_over())[-1] == "cancelled"
