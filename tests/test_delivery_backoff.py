"""Retries wait longer and longer, never all together, never longer than the cap."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.channels.backoff import delay_seconds
from callboard.actors.channels.response import MAX_RETRY_AFTER_SECONDS, failure, seconds_until

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at_most(attempt: int, retry_after: float | None = None) -> float:
    return delay_seconds(attempt, 1.0, 300.0, retry_after, lambda: 1.0)


def test_the_bound_doubles_up_to_the_cap() -> None:
    assert [at_most(attempt) for attempt in (1, 2, 3, 9, 10, 11, 5_000)] == [1, 2, 4, 256, 300, 300, 300]


def test_jitter_takes_any_share_of_the_bound() -> None:
    shares = iter((0.0, 0.25, 0.5))
    assert [delay_seconds(4, 2.0, 300.0, None, lambda: next(shares)) for _ in range(3)] == [0, 4, 8]


def test_what_the_receiver_asks_for_comes_first_and_jitter_on_top() -> None:
    assert delay_seconds(1, 1.0, 300.0, 60.0, lambda: 0.5) == 60.5
    assert at_most(1, 86_400.0) == 300
    assert at_most(1, -5.0) == 1


@given(
    st.integers(1, 10**9),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.none() | st.floats(-1e9, 1e9),
    st.floats(0, 1, exclude_max=True),
)
def test_a_delay_is_never_negative_and_never_above_the_cap(
    attempt: int, base: float, cap: float, retry_after: float | None, share: float
) -> None:
    delay = delay_seconds(attempt, base, cap, retry_after, lambda: share)
    assert 0 <= delay <= cap
    if retry_after is not None:
        assert delay >= min(cap, retry_after)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("86401", MAX_RETRY_AFTER_SECONDS),
        ("9" * 5_000, MAX_RETRY_AFTER_SECONDS),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120),
        ("Sunday, 01-Mar-26 12:02:00 GMT", 120),
        ("Sun Mar  1 12:02:00 2026", 120),
        ("Sun, 01 Mar 2026 13:02:00 +0100", 120),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sun, 01 Mar 9999 11:00:00 GMT", MAX_RETRY_AFTER_SECONDS),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("tomorrow", None),
        ("٣", None),
        ("Sun, 99 Mar 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert seconds_until(header, NOW) == seconds


@given(st.text())
def test_no_text_in_retry_after_is_an_error(header: str) -> None:
    seconds = seconds_until(header, NOW)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_SECONDS


@given(st.integers(101, 999))
def test_every_status_has_a_meaning(status: int) -> None:
    error = failure("example.com", status, None, NOW)
    assert (error is None) == (200 <= status < 300)
    assert error is None or f"example.com answered {status}" in str(error)
