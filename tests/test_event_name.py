"""The subject of an event says what it happened to, and what happened."""

import pytest

from callboard.event_name import EventName, event_name
from callboard.events import subjects

NAMES = {
    "callboard.events.task.t-1.1.submitted": ("task", "t-1", 1, "submitted", "t-1"),
    "callboard.live.task.t-1.3.assigned.billing.normal": ("task", "t-1", 3, "assigned", "t-1"),
    f"callboard.events.session.{subjects.id_token('Café 7')}.2.titled": (
        "session",
        "=Q2Fmw6kgNw",
        2,
        "titled",
        "Café 7",
    ),
    "callboard.events.session.=x.2.titled": ("session", "=x", 2, "titled", "=x"),
    subjects.turn("t-1", 7): ("turn", "t-1", 7, "begun", "t-1"),
    subjects.child("mother", "t-1"): ("child", "t-1", 1, "linked", "t-1"),
}


@pytest.mark.parametrize(("subject", "said"), NAMES.items(), ids=NAMES.keys())
def test_a_subject_says_what_the_event_is(subject: str, said: tuple[str, str, int, str, str]) -> None:
    *name, known_as = said
    found = event_name(subject)
    assert found is not None
    assert found == EventName(*name)  # type: ignore[arg-type]
    assert found.id == known_as


@pytest.mark.parametrize(
    "subject",
    ["", "callboard.events", "callboard.events.task.t-1.1", "callboard.events.child.a.b.c", "callboard.submit.a.1.b"],
)
def test_any_other_subject_is_of_no_event(subject: str) -> None:
    assert event_name(subject) is None
