"""What an exception says about another attempt: whether there is one, when, and under which name it is recorded."""

from typing import Any, NoReturn

import pytest

from callboard import CallboardError, Fail, Retry
from callboard.actors.outcome import Outcome, of_exception
from callboard.events.errors import InvalidValueError


class OutOfStockError(Exception):
    retryable = False


class MoodyError(Exception):
    @property
    def retryable(self) -> NoReturn:
        raise RuntimeError("not now")


class Moody(type):
    def __instancecheck__(cls, _instance: object) -> NoReturn:
        raise RuntimeError("not now")


class MoodyClass(Exception, metaclass=Moody): ...  # noqa: N818 - raised by nobody


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def said(outcome: Outcome) -> tuple[str, str]:
    assert outcome.error is not None
    return outcome.error.type, outcome.error.message


@pytest.mark.parametrize(
    ("error", "retryable", "after"),
    [
        (ValueError("x"), True, None),
        (Retry(), True, None),
        (Retry(after=0), True, 0),
        (Retry("later", after=1.5), True, 1.5),
        (Fail("never"), False, None),
        (OutOfStockError(), False, None),
        (MoodyError(), True, None),
        (caused(Retry(after=2), Fail("never")), True, 2),
        (caused(Fail(), Retry(after=2)), False, None),
        (ExceptionGroup("", [ValueError(), Retry(after=2), Retry(after=3), Retry()]), True, 3),
        (ExceptionGroup("", [ValueError(), ExceptionGroup("", [Fail()])]), False, None),
        (ExceptionGroup("", [Retry(after=1), OutOfStockError()]), False, 1),
    ],
    ids=repr,
)
def test_an_error_says_whether_and_when(error: BaseException, *, retryable: bool, after: float | None) -> None:
    outcome = of_exception(error)
    assert (outcome.retryable, outcome.after_seconds) == (retryable, after)


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (KeyError("x"), False),
        (IndexError("x"), False),
        (ValueError("x"), True),
        (SystemExit(), False),
        (Retry(), True),
        (ExceptionGroup("", [ValueError(), KeyError()]), False),
    ],
    ids=repr,
)
def test_the_classes_of_an_agent_are_final_with_what_descends_from_them(
    error: BaseException, *, retryable: bool
) -> None:
    assert of_exception(error, (LookupError, SystemExit, CallboardError)).retryable is retryable


def test_a_class_that_cannot_be_asked_counts_for_nothing() -> None:
    assert of_exception(ValueError(), (MoodyClass,)).retryable


@pytest.mark.parametrize(
    ("error", "recorded"),
    [
        (Retry("the shop is closed"), ("Retry", "the shop is closed")),
        (Retry(), ("Retry", "the handler asked for another attempt")),
        (Fail(), ("Fail", "the handler gave up")),
        (caused(Fail(), KeyError("order")), ("KeyError", "'order'")),
        (caused(Fail("no such order"), KeyError("order")), ("KeyError", "no such order")),
        (caused(ValueError("mine"), KeyError("order")), ("ValueError", "mine")),
        (Fail(7), ("Fail", "7")),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_what_was_raised_from_an_error_is_recorded_under_its_name(
    error: BaseException, recorded: tuple[str, str]
) -> None:
    assert said(of_exception(error)) == recorded


@pytest.mark.parametrize("after", [-1, float("nan"), float("inf"), 10**9, "5", True])
def test_a_wait_that_is_none_is_refused(after: Any) -> None:
    with pytest.raises(InvalidValueError, match="expected after to be a number of seconds from 0 to a year, got"):
        Retry(after=after)


def test_of_very_many_errors_the_first_hundred_have_a_say() -> None:
    nested: Exception = ExceptionGroup("", [Fail()])
    for _ in range(50):
        nested = ExceptionGroup("", [nested])
    assert not of_exception(nested).retryable
    for _ in range(500):
        nested = ExceptionGroup("", [nested])
    assert of_exception(nested).retryable
