from typing import Any

from callboard.events import task
from callboard.events.task import Route
from callboard.events.task_events import TaskError
from tests.support.scenario import given
from tests.support.task_story import (
    HOOK,
    ID,
    LATER,
    LOG,
    QUEUED,
    ROUTE,
    assigned,
    failed,
    routed,
    submission,
    submitted,
)


def test_an_accepted_submission_is_routed_and_waits_in_its_agents_queue() -> None:
    given().when(task.submit, ID, submission(), ROUTE).then(submitted(), routed(), assigned())


def test_the_event_carries_every_field_of_the_submission_as_it_was_sent() -> None:
    fields: dict[str, Any] = {
        "kind": "refund",
        "priority": 3,
        "timeout_seconds": 2.5,
        "max_attempts": 5,
        "parent_id": "parent-1",
        "user_id": "user 1",
        "session_id": "session/1",
        "tenant_id": "tenant",
        "delivery": [LOG, HOOK],
        "metadata": {"trace": [1, None, "ü"]},
    }
    given().when(task.submit, ID, submission(**fields), ROUTE).then(
        submitted(**fields), routed(), assigned(priority="high", max_attempts=5)
    )


def test_a_number_as_priority_becomes_its_band_in_the_queue() -> None:
    bands = {1: "critical", 2: "critical", 3: "high", 4: "high", 5: "normal", 6: "normal", 7: "low", 8: "low"}
    for number, band in {**bands, 9: "background", 10: "background"}.items():
        given().when(task.submit, ID, submission(priority=number), ROUTE).then(
            submitted(priority=number), routed(), assigned(priority=band)
        )


def test_the_agents_limit_of_attempts_holds_unless_the_submission_has_its_own() -> None:
    route = Route(agent="billing", reason="asked for by name", confidence=1.0, max_attempts=7)
    given().when(task.submit, ID, submission(), route).then(
        submitted(), routed(max_attempts=7), assigned(max_attempts=7)
    )
    given().when(task.submit, ID, submission(max_attempts=1), route).then(
        submitted(max_attempts=1), routed(max_attempts=7), assigned(max_attempts=1)
    )


def test_how_the_route_was_found_is_recorded() -> None:
    found: dict[str, Any] = {
        "confidence": 0.75,
        "method": "keyword",
        "intent": "refund",
        "entities": {"invoice": "A-1"},
    }
    reason = "matched keywords invoice, refund (2 of 3)"
    route = Route(agent="billing", reason=reason, **found)
    given().when(task.submit, ID, submission(), route).then(submitted(), routed(reason=reason, **found), assigned())


def test_a_submission_that_no_agent_takes_fails_with_the_routers_reason() -> None:
    reason = "no agent matched and none is the fallback"
    given().when(task.submit, ID, submission(), Route(agent=None, reason=reason)).then(
        submitted(), failed(2, error=TaskError("NoRoute", reason), attempts=0)
    )


def test_the_same_id_again_is_the_same_task() -> None:
    given(*QUEUED).when(task.submit, ID, submission(kind="another"), ROUTE).then_nothing()


def test_a_task_of_a_heartbeat_names_it() -> None:
    given().when(task.submit, ID, submission(), ROUTE, heartbeat="daily").then(
        submitted(heartbeat="daily"), routed(), assigned()
    )


def test_whom_nobody_takes_waits_for_nothing() -> None:
    asked = submission(depends_on=["first"], scheduled_for=LATER)
    error = TaskError("NoRoute", "nobody takes it")
    given().when(task.submit, ID, asked, Route(agent=None, reason="nobody takes it")).then(
        submitted(depends_on=["first"], scheduled_for=LATER), failed(2, error=error, attempts=0)
    )
