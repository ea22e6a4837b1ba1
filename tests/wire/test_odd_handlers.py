"""Handlers that hang, end in an odd way or do not take what they are given; and what a handler is told."""

import pytest

from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, last, names

APP = "odd_agents.py"
TRIED = ["started", "attempt_failed"]
BEGUN = ["submitted", "routed", "assigned"]


def error(events: list[WireEvent]) -> tuple[str, str]:
    """Return type and message of the error of a failed task, which its last attempt had, too."""
    failed = last(events, "failed").fields["error"]
    attempt = last(events, "attempt_failed").fields["error"]
    assert {name: attempt[name] for name in attempt if name != "traceback"} == failed
    return failed["type"], failed["message"]


@pytest.mark.parametrize(("agent", "attempts"), [("slow", 2), ("hanging", 1)])
async def test_a_handler_that_takes_too_long_fails_with_a_timeout(wire: Wire, agent: str, attempts: int) -> None:
    events = await wire.run({"input": 1}, agent)

    kind, message = error(events)
    assert kind == "Timeout"
    assert "0.2" in message
    assert last(events, "failed").fields["attempts"] == attempts


async def test_plain_functions_that_hang_leave_room_for_others(wire: Wire) -> None:
    live = await wire.follow()
    for _ in range(40):
        await wire.publish("callboard.submit.hanging", {"input": 1, "timeout_seconds": 0.05})

    await live.until_all("failed", 40)

    assert names(await wire.run({"input": 1}, "mirror"))[-1] == "completed"


@pytest.mark.parametrize(
    ("given", "kind", "attempts"),
    [
        ("object", "InvalidOutput", 1),
        ("huge", "OutputTooLarge", 1),
        ("exit", "SystemExit", 3),
        ("interrupt", "KeyboardInterrupt", 3),
        ("cancel", "CancelledError", 3),
    ],
)
async def test_a_handler_that_ends_in_an_odd_way_fails_and_the_agent_goes_on(
    wire: Wire, given: str, kind: str, attempts: int
) -> None:
    events = await wire.run({"input": given}, "odd")

    assert error(events)[0] == kind
    assert error(events)[1]
    assert last(events, "failed").fields["attempts"] == attempts
    assert names(await wire.run({"input": "object"}, "odd"))[-1] == "failed"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": 1}, "invoice"),
        ({"invoice": "7", "amount": "1"}, "amount"),
        ({"invoice": None, "amount": 1}, "invoice"),
        ({"invoice": "7", "amount": 1, "lines": [1, 2, "3"]}, "lines"),
        ({"invoice": "7", "amount": 1, "amuont": 2}, "amuont"),
        ("refund invoice 7", "`input`"),
        (None, "`input`"),
    ],
    ids=str,
)
async def test_an_input_that_the_handler_does_not_take_fails_at_once_and_names_the_field(
    wire: Wire, given: object, field: str
) -> None:
    events = await wire.run({"input": given}, "typed")

    assert names(events) == [*BEGUN, *TRIED, "failed"]
    assert error(events)[0] == "InvalidInput"
    assert field in error(events)[1]
    assert last(events, "attempt_failed").fields["retryable"] is False


async def test_an_input_of_the_right_shape_comes_decoded(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": {"invoice": "7", "amount": 1}}, "typed")

    refund = {"invoice": "7", "amount": 1.0, "lines": []}
    assert last(events, "completed").fields["output"] == {"task": new_id, "refund": refund}


async def test_what_the_submission_says_reaches_the_handler(wire: Wire, new_id: str) -> None:
    said = {
        "input": {"text": "über 42 €"},
        "kind": "follow_up",
        "user_id": "user 1",
        "session_id": "s/1",
        "tenant_id": "größe",
        "parent_id": "parent-1",
        "metadata": {"trace": "00-ab", "nested": {"a": [1, None]}},
        "max_attempts": 7,
    }

    events = await wire.run({"id": new_id, **said, "priority": 2, "timeout_seconds": 30}, "mirror")

    told = last(events, "completed").fields["output"]
    assert {name: told[name] for name in said} == said
    assert told["id"] == new_id
    assert (told["agent"], told["priority"], told["attempt"]) == ("mirror", "critical", 1)
    assert told["submitted_at"].replace("+00:00", "Z") == events[0].body["at"]
