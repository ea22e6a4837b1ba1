"""The waiting room of a specialist: the strictest band first, inside a band whoever came first, and none for ever."""

from datetime import UTC, datetime
from itertools import count
from typing import NamedTuple, cast

from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.letter import Letter
from callboard.actors.waiting_room import MAX_PASSED_OVER, WaitingRoom
from callboard.events.submission import PRIORITIES
from callboard.events.task_events import Assigned

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BANDS = list(PRIORITIES)


class Stamp(NamedTuple):
    sequence: int


class Slip(NamedTuple):
    """All of a letter that is looked at here: its place in the log."""

    ticket: Stamp


def letter(number: int) -> Letter:
    return cast("Letter", Slip(Stamp(number)))


def assigned(number: int, band: str) -> Assigned:
    return Assigned(
        originator_id=f"task-{number}",
        originator_version=number + 1,
        at=NOW,
        agent="billing",
        priority=band,
        attempt=number + 2,
        life=3,
    )


class Crowd:
    """A waiting room that is never without a task in some bands; ``start`` tells whose turn it is."""

    def __init__(self, *bands: str) -> None:
        self._room, self._numbers = WaitingRoom(), count()
        self._bands: dict[str, str] = {}
        for band in bands:
            self.add(band)

    def add(self, band: str) -> str:
        number = next(self._numbers)
        self._room.add(assigned(number, band), letter(number))
        self._bands[f"task-{number}"] = band
        return f"task-{number}"

    def start(self) -> str:
        """Take one; another of its band takes its place."""
        (taken,) = self._room.take(1)
        self.add(self._bands[taken.task_id])
        return self._bands[taken.task_id]

    def starts(self, number: int) -> list[str]:
        return [self.start() for _ in range(number)]


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

    assert waiting == ("task-7", 8, 3, 9, letter(7))
    assert room.take(1) == []


def test_a_room_that_was_emptied_is_empty() -> None:
    room = WaitingRoom()
    for number, band in enumerate(BANDS):
        room.add(assigned(number, band), letter(number))

    assert len(room.clear()) == len(BANDS)
    assert room.clear() == []
    assert room.take(10) == []
    assert room.take(-1) == []


def test_whoever_was_passed_over_too_often_gets_the_next_place() -> None:
    crowd = Crowd("critical", "background")

    starts = crowd.starts(2 * (MAX_PASSED_OVER + 1))

    assert starts == 2 * [*MAX_PASSED_OVER * ["critical"], "background"]


def test_all_bands_at_once_each_get_their_turn() -> None:
    starts = Crowd(*BANDS).starts(MAX_PASSED_OVER + len(BANDS) - 1)

    assert starts[:MAX_PASSED_OVER] == MAX_PASSED_OVER * ["critical"]
    assert starts[MAX_PASSED_OVER:] == BANDS[1:]


def test_laxer_bands_do_not_pass_over_stricter_ones() -> None:
    crowd = Crowd("high", "background")
    crowd.starts(MAX_PASSED_OVER)
    crowd.add("critical")

    assert crowd.starts(3) == ["background", "critical", "critical"]


def test_who_comes_later_begins_to_count_then() -> None:
    crowd = Crowd("critical")
    crowd.starts(MAX_PASSED_OVER)
    crowd.add("low")

    assert crowd.starts(MAX_PASSED_OVER + 1) == [*MAX_PASSED_OVER * ["critical"], "low"]


@given(st.lists(st.sampled_from(BANDS), min_size=2, unique=True), st.integers(1_000, 3_000))
def test_no_band_ever_waits_for_more_starts_than_the_bound_and_one_for_each_other_band(
    bands: list[str], number: int
) -> None:
    since = dict.fromkeys(bands, 0)
    crowd = Crowd(*bands)
    for started in crowd.starts(number):
        since = {band: 0 if band == started else passed + 1 for band, passed in since.items()}
        assert max(since.values()) <= MAX_PASSED_OVER + len(BANDS) - 2


@given(st.lists(st.sampled_from(BANDS), max_size=200))
def test_inside_a_band_whoever_came_first_is_first(bands: list[str]) -> None:
    room = WaitingRoom()
    for number, band in enumerate(bands * 10):
        room.add(assigned(number, band), letter(number))
    taken = [int(one.task_id.removeprefix("task-")) for one in room.take(len(bands) * 10)]
    assert sorted(taken) == list(range(len(bands) * 10))
    for band in BANDS:
        mine = [number for number in taken if (bands * 10)[number] == band]
        assert mine == sorted(mine)


@given(st.permutations(range(8)))
def test_inside_a_band_the_order_is_that_of_the_log_also_for_those_that_come_again(numbers: list[int]) -> None:
    room = WaitingRoom()
    for number in numbers:
        room.add(assigned(number, "normal"), letter(number))

    assert [taken.task_id for taken in room.take(8)] == [f"task-{number}" for number in range(8)]
