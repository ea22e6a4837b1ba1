"""Which tasks begin a turn of their session, and which are a part of another one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import Raw

from callboard.events.task_events import Retried, Submitted
from callboard.events.task_state import evolve
from callboard.events.turn import begun

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)


def submitted(task_id: str = "t-1", at: datetime = AT, **fields: Any) -> Submitted:
    return Submitted(originator_id=task_id, originator_version=1, at=at, input=Raw(b"1"), priority="low", **fields)


def begins(event: Submitted, *others: Submitted) -> bool:
    """Tell whether the first life of ``event`` is a turn, and check that a further one is whatever that was."""
    known = {each.originator_id: each for each in others}
    retried = Retried(originator_id=event.originator_id, originator_version=9, at=LATER)
    first = begun(event, None, known.get)
    again = begun(retried, evolve(None, event), (known | {event.originator_id: event}).get)
    assert (first is None) == (again is None)
    return first is not None


def test_a_task_without_a_session_begins_none_and_nobody_is_asked_about_its_parent() -> None:
    def asked(task_id: str) -> None:
        raise AssertionError(task_id)

    assert begun(submitted(parent_id="t-0"), None, asked) is None
    assert begun(submitted(session_id="chat"), None, asked) is not None


def test_a_part_of_a_task_of_the_same_session_begins_none() -> None:
    assert not begins(submitted(session_id="chat", parent_id="t-0"), submitted("t-0", session_id="chat"))


@pytest.mark.parametrize("session_id", [None, "another"])
def test_a_part_of_a_task_of_no_session_or_of_another_begins_one(session_id: str | None) -> None:
    assert begins(submitted(session_id="chat", parent_id="t-0"), submitted("t-0", session_id=session_id))


def test_a_part_of_a_task_that_is_not_there_yet_or_of_itself_begins_one() -> None:
    assert begins(submitted(session_id="chat", parent_id="t-0"))
    assert begins(submitted(session_id="chat", parent_id="t-0"), submitted("t-0", at=LATER, session_id="chat"))
    assert begins(submitted(session_id="chat", parent_id="t-1"))
