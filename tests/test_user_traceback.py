"""The traceback of a failed attempt: the lines of user code, bounded, whatever was raised."""

from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.context import Context
from callboard.actors.outcome import of_exception
from callboard.actors.runner import Runner
from callboard.actors.task import Task
from callboard.actors.user_traceback import MAX_CHARACTERS, user_traceback
from tests.support.attempts import attempt, running
from tests.support.handlers import both
from tests.support.log_lines import captured


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with captured(), running() as started:
        yield started


def raised(error: BaseException) -> BaseException:
    """Return ``error`` after it was raised here."""
    try:
        raise error  # noqa: TRY301 - to be raised is all it is for
    except BaseException as caught:  # noqa: BLE001 - any of them
        return caught


def look_up(order: dict[str, Any]) -> NoReturn:
    raise KeyError(order["id"])


@pytest.mark.parametrize("mode", [0, 1])
def test_it_begins_in_user_code_and_ends_with_the_error(runner: Runner, mode: int) -> None:
    def handler(task: Task, _ctx: Context) -> NoReturn:
        look_up(task.input)

    error = attempt(runner, both(handler)[mode], {"id": "R-1"}).outcome.error

    assert error is not None
    assert error.traceback is not None
    lines = error.traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "KeyError: 'R-1'"
    assert "look_up(task.input)" in error.traceback
    assert "callboard/actors" not in error.traceback
    assert __file__ in error.traceback


@pytest.mark.parametrize("mode", [0, 1])
def test_of_endless_recursion_the_end_is_kept(runner: Runner, mode: int) -> None:
    def endless(task: Task, ctx: Context) -> Any:
        return endless(task, ctx)

    error = attempt(runner, both(endless)[mode]).outcome.error

    assert error is not None
    assert error.traceback is not None
    assert len(error.traceback) <= MAX_CHARACTERS
    assert "RecursionError" in error.traceback


def test_the_cause_is_told_too() -> None:
    error = raised(ValueError("no such order"))
    error.__cause__ = raised(KeyError("R-1"))

    assert "KeyError: 'R-1'" in (user_traceback(error) or "")


def test_what_was_never_raised_has_none() -> None:
    assert user_traceback(ValueError()) is None


def test_what_was_not_raised_by_a_handler_has_none(runner: Runner) -> None:
    error = attempt(runner, both(lambda _task, _ctx: object())[0]).outcome.error
    assert error is not None
    assert (error.type, error.traceback) == ("InvalidOutput", None)


@given(st.text(st.characters(), max_size=50), st.integers(0, 500))
def test_whatever_the_error_says_it_is_bounded_and_ends_with_the_end(text: str, times: int) -> None:
    error = of_exception(raised(ValueError(text * times + "the end"))).error
    assert error is not None
    assert error.traceback is not None
    assert len(error.traceback) <= MAX_CHARACTERS
    assert error.traceback.endswith("the end")
