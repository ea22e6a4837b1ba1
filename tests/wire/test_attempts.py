"""What becomes of an attempt that comes to nothing: the next one, or a task that failed and says why."""

import pytest

from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, last, names

TRIED = ["started", "attempt_failed"]
BEGUN = ["submitted", "routed", "assigned"]


def error(events: list[WireEvent]) -> tuple[str, str]:
    """Return type and message of the error of a failed task, which its last attempt had, too."""
    failed = last(events, "failed").fields["error"]
    attempt = last(events, "attempt_failed").fields["error"]
    assert {name: attempt[name] for name in attempt if name != "traceback"} == failed
    return failed["type"], failed["message"]


async def test_a_task_that_succeeds_at_its_third_attempt(wire: Wire) -> None:
    events = await wire.run({"input": {"succeeds_at": 3}}, "flaky")

    assert names(events) == [*BEGUN, *TRIED, "assigned", *TRIED, "assigned", "started", "completed"]
    assert [event.fields["attempt"] for event in events if event.name == "assigned"] == [1, 2, 3]
    assert [event.fields["attempt"] for event in events if event.name == "started"] == [1, 2, 3]
    failures = [event.fields for event in events if event.name == "attempt_failed"]
    assert [failure["retryable"] for failure in failures] == [True, True]
    assert failures[0]["error"]["type"] == "ConnectionError"
    assert failures[0]["error"]["message"] == "attempt 1 of 3 came to nothing"
    assert last(events, "completed").fields["output"] == {"attempt": 3}


async def test_a_task_that_never_succeeds_fails_after_the_agents_attempts(wire: Wire) -> None:
    events = await wire.run({"input": {"succeeds_at": 9}}, "flaky")

    assert names(events) == [*BEGUN, *TRIED, "assigned", *TRIED, "assigned", *TRIED, "failed"]
    assert error(events) == ("ConnectionError", "attempt 3 of 3 came to nothing")
    assert last(events, "failed").fields["attempts"] == 3


@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_the_submission_may_say_how_many_attempts_there_are(wire: Wire, attempts: int) -> None:
    events = await wire.run({"input": {"succeeds_at": 9}, "max_attempts": attempts}, "flaky")

    assert names(events).count("started") == attempts
    assert error(events)[1] == f"attempt {attempts} of {attempts} came to nothing"


async def test_an_error_that_says_it_is_final_is_not_tried_again(wire: Wire) -> None:
    events = await wire.run({"input": 7}, "final")

    assert names(events) == [*BEGUN, *TRIED, "failed"]
    assert error(events) == ("NoSuchInvoiceError", "no invoice 7")
    assert last(events, "attempt_failed").fields["retryable"] is False


async def test_the_submission_may_say_how_long_an_attempt_takes(wire: Wire) -> None:
    events = await wire.run({"input": "wait", "timeout_seconds": 0.05, "max_attempts": 1}, "waiter")

    assert error(events)[0] == "Timeout"
    assert "0.05" in error(events)[1]


async def test_what_failed_is_in_the_agents_log(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": {"succeeds_at": 2}}, "flaky")

    reply = await wire.ask("query.agent_log", {"task_id": new_id, "min_seq": events[-1].seq})
    attempts = reply.ok["entries"]

    assert [(entry["attempt"], entry["outcome"]) for entry in attempts] == [(2, "completed"), (1, "failed")]
    assert attempts[1]["error"]["type"] == "ConnectionError"
    assert all(entry["agent"] == "flaky" and entry["duration_ms"] >= 0 for entry in attempts)
