"""The waiting room of a specialist: the strictest band first, inside a band whoever came first."""

from datetime import UTC, datetime
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.letter import Letter
from callboard.actors.waiting_room import WaitingRoom
from callboard.events.submission import PRIORITIES
from callboard.events.task_events import Assigned

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BANDS = list(PRIORITIES)


def letter(number: int) -> Letter:
    """A letter is not looked into here, only passed on."""
    return cast("Letter", f"letter {number}")


def assigned(number: int, band: str) -> Assigned:
    return Assigned(
        originator_id=f"task-{number}",
        originator_version=number + 1,
        at=NOW,
        agent="billing",
        priority=band,
        attempt=number + 2,
    )


@given(st.lists(st.one_of(st.sampled_from(BANDS), st.integers(0, 4)), max_size=50))
def test_who_is_taken_is_the_first_of_the_strictest_band(script: list[str | int]) -> None:
    room, waiting = WaitingRoom(), list[tuple[int, int]]()
    for number, step in enumerate(script):
        if isinstance(step, str):
            room.add(assigned(number, step), letter(number))
            waiting.append((BANDS.index(step), number))
            continue
        taken = [one.task_id for one in room.take(step)]
        wanted = sorted(waiting)[:step]
        waiting = [one for one in waiting if one not in wanted]
        assert taken == [f"task-{one}" for _, one in wanted]
    assert sorted(map(str, room.clear())) == sorted(str(letter(number)) for _, number in waiting)


def test_what_comes_out_is_what_went_in() -> None:
    room = WaitingRoom()
    room.add(assigned(7, "high"), letter(7))

    (waiting,) = room.take(1)

    assert waiting == ("task-7", 8, 1, 9, letter(7))
    assert room.take(1) == []


def test_a_room_that_was_emptied_is_empty() -> None:
    room = WaitingRoom()
    for number, band in enumerate(BANDS):
        room.add(assigned(number, band), letter(number))

    assert len(room.clear()) == len(BANDS)
    assert room.clear() == []
    assert room.take(10) == []
