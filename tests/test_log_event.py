import pytest

from callboard.projections.log_event import LogEvent


@pytest.mark.parametrize(
    ("subject", "kind", "task_id", "version", "event"),
    [
        ("callboard.events.task.t-1.1.submitted", "task", "t-1", 1, "submitted"),
        ("callboard.events.task.t-1.3.assigned.billing.normal", "task", "t-1", 3, "assigned"),
        ("callboard.events.heartbeat.~0af3.12.set", "heartbeat", "~0af3", 12, "set"),
    ],
)
def test_a_subject_says_what_the_event_is(subject: str, kind: str, task_id: str, version: int, event: str) -> None:
    found = LogEvent.from_message(subject, 7, b"{}", "event-7")
    assert found == LogEvent(7, kind, task_id, version, event, b"{}", "event-7")


@pytest.mark.parametrize(
    "subject",
    ["", "callboard.events", "callboard.events.task.t-1.1", "callboard.events.task.t-1.x.started", "a.b.c"],
)
def test_any_other_subject_is_of_no_kind(subject: str) -> None:
    found = LogEvent.from_message(subject, 7, b"{}", "event-7")
    assert (found.seq, found.kind, found.data, found.event_id) == (7, "", b"{}", "event-7")
