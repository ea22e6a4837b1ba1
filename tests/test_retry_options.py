"""What a decorator says about attempts: defaults, what it takes, and what it refuses."""

from typing import Any

import pytest

from callboard import Agent, Task, specialist
from callboard.actors.backoff import Backoff
from callboard.events.errors import InvalidValueError


def handler(_task: Task) -> None: ...


def test_the_defaults() -> None:
    agent = specialist("a")(handler)

    assert agent.backoff == Backoff(1, 2, 300)
    assert agent.no_retry == ()


def test_what_was_said_is_kept() -> None:
    agent = specialist(
        "a", retry_base_seconds=0, retry_factor=1, retry_cap_seconds=0.5, no_retry=[ValueError, LookupError]
    )(handler)

    assert agent.backoff == Backoff(0, 1, 0.5)
    assert agent.no_retry == (ValueError, LookupError)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retry_base_seconds": -1}, "expected retry_base_seconds to be a number of seconds from 0 to a year, got -1"),
        ({"retry_base_seconds": float("nan")}, "retry_base_seconds .* got nan"),
        ({"retry_base_seconds": "1"}, "retry_base_seconds .* got '1'"),
        ({"retry_base_seconds": 301}, r"expected retry_cap_seconds to be at least retry_base_seconds \(301\), got 300"),
        ({"retry_cap_seconds": float("inf")}, "expected retry_cap_seconds to be a number of seconds .* got inf"),
        ({"retry_factor": 0.5}, "expected retry_factor to be a number from 1 on, got 0.5"),
        ({"retry_factor": None}, "retry_factor .* got None"),
        ({"no_retry": ValueError}, "expected no_retry to be a list of exception classes, got <class 'ValueError'>"),
        ({"no_retry": ["ValueError"]}, "expected no_retry to be exception classes, got 'ValueError'"),
        ({"no_retry": [ValueError()]}, "expected no_retry to be exception classes, got ValueError"),
        ({"no_retry": [int]}, "expected no_retry to be exception classes, got <class 'int'>"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        specialist("a", **options)(handler)


def test_an_agent_made_by_hand_is_checked_too() -> None:
    with pytest.raises(InvalidValueError, match="retry_factor"):
        Agent(name="a", handler=handler, retry_factor=0)
