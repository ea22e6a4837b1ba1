"""Fixtures of runners, and of what they log.

runner = runner_for_module(max_output_bytes=2_000)  # one for all tests of a module
runner = runner_for_test(max_threads=1)             # one for each test
lines = pytest.fixture(autouse=True)(logged)
"""

from collections.abc import Iterator
from typing import Any

import pytest

from callboard.actors.runner import Runner
from tests.support.attempts import running
from tests.support.log_lines import LogLines, captured


def runner_for_module(**options: Any) -> Any:
    """Return a fixture: a runner with these options for all tests of a module."""

    @pytest.fixture(scope="module")
    def runner() -> Iterator[Runner]:
        with running(**options) as started:
            yield started

    return runner


def runner_for_test(**options: Any) -> Any:
    """Return a fixture: a runner with these options for one test alone."""

    @pytest.fixture
    def runner() -> Iterator[Runner]:
        with running(**options) as started:
            yield started

    return runner


def logged() -> Iterator[LogLines]:
    """To be made a fixture: what is logged during a test, instead of printed."""
    with captured() as lines:
        yield lines
