"""When stored events are given out again, by a clock that the test sets."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.events.errors import InvalidValueError
from callboard.pacing import Pacer, due, parse_speed

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
seconds = st.floats(0, 1e6)


class Clock:
    """A clock that stands still but while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.mark.parametrize(
    ("text", "speed"), [("realtime", 1.0), ("max", None), ("10", 10.0), ("10x", 10.0), ("0.5", 0.5)]
)
def test_a_speed_is_a_factor(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "0", "-1", "fast", "nan", "inf", "x"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="expected speed to be realtime, max or a number above 0"):
        parse_speed(text)


@given(seconds, seconds, st.floats(0.01, 1000))
def test_events_keep_their_distances_divided_by_the_speed(one: float, other: float, speed: float) -> None:
    early, late = sorted((one, other))
    places = [due(FIRST, FIRST + timedelta(seconds=after), speed) for after in (early, late)]
    assert 0 <= places[0] <= places[1]
    assert places[1] - places[0] == pytest.approx((late - early) / speed, abs=1e-3)
    assert due(FIRST, FIRST + timedelta(seconds=late), None) == 0
    assert due(FIRST, FIRST - timedelta(seconds=late), speed) == 0


async def test_time_that_passed_otherwise_counts() -> None:
    clock = Clock()
    pacer = Pacer(2.0, clock=lambda: clock.now, sleep=clock.sleep)
    for after, busy in ((0, 0.0), (10, 3.0), (12, 4.0), (11, 0.0), (20, 0.0)):
        clock.now += busy
        await pacer.wait_for(FIRST + timedelta(seconds=after))
    assert clock.slept == [2.0, 1.0]
    assert clock.now == 100 + 10


async def test_as_fast_as_possible_never_waits() -> None:
    clock = Clock()
    pacer = Pacer(None, clock=lambda: clock.now, sleep=clock.sleep)
    await pacer.wait_for(FIRST)
    await pacer.wait_for(FIRST + timedelta(days=1))
    assert clock.slept == []
