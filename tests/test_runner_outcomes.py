"""Whatever a handler returns or raises becomes one outcome, and the runner goes on."""

import asyncio
import dataclasses
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, Struct

from callboard.actors import outcome
from callboard.actors.agents import Task, specialist
from callboard.actors.context import Context
from callboard.actors.runner import Runner
from tests.support.attempts import attempt
from tests.support.handlers import both
from tests.support.log_lines import LogLines
from tests.support.runners import logged, runner_for_module

runner = runner_for_module(max_output_bytes=2_000)
lines = pytest.fixture(autouse=True)(logged)


class Receipt(Struct):
    invoice: str
    amount: int


@dataclasses.dataclass
class Answer:
    text: str
    at: datetime


@pytest.mark.parametrize("mode", [0, 1])
def test_the_handler_gets_the_decoded_input_and_the_rest_of_the_task(runner: Runner, mode: int) -> None:
    def echo(task: Task, ctx: Context) -> Any:
        assert ctx.task is task
        return [task.input, task.id, task.kind, task.attempt, task.metadata]

    made = attempt(runner, both(echo)[mode], {"text": "größer", "n": 1})
    assert made.output == [{"text": "größer", "n": 1}, "t-1", "refund", 2, {"tag": "x"}]
    assert made.outcome.retryable is False
    assert len(made.outcomes) == 1


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize(
    ("result", "json"),
    [
        (None, None),
        ("text", "text"),
        ({"a": [1, 2.5, True, None]}, {"a": [1, 2.5, True, None]}),
        (Receipt("R-1", 2), {"invoice": "R-1", "amount": 2}),
        (Answer("hi", datetime(2026, 3, 1, tzinfo=UTC)), {"text": "hi", "at": "2026-03-01T00:00:00Z"}),
        ({float("nan"): float("nan"), "inf": [float("-inf")]}, {"nan": None, "inf": [None]}),
        (Raw(b' {"raw": true} '), {"raw": True}),
        ((1, {2}), [1, [2]]),
    ],
)
def test_what_msgspec_encodes_is_a_result(runner: Runner, mode: int, result: Any, json: Any) -> None:
    assert attempt(runner, both(lambda _task, _ctx: result)[mode]).output == json


def deep(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize(
    ("result", "message"),
    [
        (object(), "expected a result that JSON can carry: .*object"),
        ({"a": {1, object()}}, "object"),
        ({(1, 2): 3}, "Only dicts with str-like"),
        ("\ud800", "surrogates not allowed"),
        (Raw(b"garbage"), "malformed"),
        ([Raw(b'{"a":')], "malformed"),
        (Raw(b""), "truncated"),
        (Raw(b'{"a": 1e400}'), "out of range"),
        (Raw(b"1" * 1_900 + b"e9"), "out of range"),
        (10**5_000, "limit"),
        (Raw(b'"\xff"'), "utf-8"),
        (deep(200), "nested at most 128 deep"),
        (deep(50_000), "recursion"),
        (Raw(b"[" * 50_000 + b"]" * 50_000), "output|recursion"),
        ((character for character in "abc"), "generator"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_a_result_that_is_no_json_is_invalid_output(runner: Runner, mode: int, result: Any, message: str) -> None:
    kind, text, retryable = attempt(runner, both(lambda _task, _ctx: result)[mode]).error
    assert kind in {"InvalidOutput", "OutputTooLarge"}
    assert re.search(message, text, re.IGNORECASE)
    assert not retryable


def test_a_plain_function_that_returns_a_coroutine_is_told_what_to_write(runner: Runner) -> None:
    async def later() -> None: ...

    kind, message, retryable = attempt(runner, specialist("a")(lambda _task: later())).error
    assert (kind, retryable) == ("InvalidOutput", False)
    assert "define the handler with async def" in message


MISUSES: dict[str, Callable[[Context], Any]] = {
    "a fraction of 2": lambda ctx: ctx.progress(2),
    "nothing to report": lambda ctx: ctx.progress(),
    "no subtasks here": lambda ctx: ctx.spawn("x"),
    "nothing to join here": lambda ctx: ctx.join(),
    "no sessions here": lambda ctx: ctx.history(),
    "nowhere to add to": lambda ctx: ctx.add_message("tool", 1),
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES.keys())
def test_a_wrong_call_of_the_context_is_as_wrong_the_next_time(
    runner: Runner, misuse: Callable[[Context], Any]
) -> None:
    kind, _, retryable = attempt(runner, specialist("a")(lambda _task, ctx: misuse(ctx))).error
    assert (kind, retryable) == ("MisuseError", False)


def test_an_output_over_the_limit_is_too_large(runner: Runner) -> None:
    fits, exceeds = "x" * 1_998, "x" * 1_999
    assert attempt(runner, both(lambda _task, _ctx: fits)[1]).output == fits
    made = attempt(runner, both(lambda _task, _ctx: exceeds)[1])
    assert made.error == ("OutputTooLarge", "expected at most 2000 bytes of output, got 2001", False)


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


class OutOfStockError(Exception):
    retryable = False


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValueError("no such invoice"), ("ValueError", "no such invoice", True)),
        (KeyError("x"), ("KeyError", "'x'", True)),
        (TimeoutError(), ("TimeoutError", "TimeoutError()", True)),
        (SystemExit(3), ("SystemExit", "3", True)),
        (KeyboardInterrupt(), ("KeyboardInterrupt", "KeyboardInterrupt()", True)),
        (asyncio.CancelledError("mine"), ("CancelledError", "mine", True)),
        (GeneratorExit("mine"), ("GeneratorExit", "mine", True)),
        (OutOfStockError("none left"), ("OutOfStockError", "none left", False)),
        (UnspeakableError(), ("UnspeakableError", "(no message: its text raised ValueError)", True)),
        (ValueError("\ud800"), ("ValueError", "\\ud800", True)),
        (
            ExceptionGroup("two", [ValueError("a"), KeyError("b")]),
            ("ExceptionGroup", "two (2 sub-exceptions): ValueError: a; KeyError: 'b'", True),
        ),
        (ValueError("x" * 100_000), ("ValueError", "x" * 1_999 + "…", True)),
    ],
)
def test_whatever_is_raised_is_recorded(
    runner: Runner, mode: int, error: BaseException, outcome: tuple[str, str, bool]
) -> None:
    def fail(_task: Task, _ctx: Context) -> NoReturn:
        raise error

    assert attempt(runner, both(fail)[mode]).error == outcome
    assert attempt(runner, both(lambda _task, _ctx: "on")[mode]).output == "on"


def test_a_stop_iteration_from_a_coroutine_is_recorded(runner: Runner) -> None:
    async def handler(_task: Task, _ctx: Context) -> NoReturn:
        raise StopIteration

    assert attempt(runner, specialist("a")(handler)).error[0] == "RuntimeError"


def test_what_a_handler_raised_is_logged_with_its_traceback(runner: Runner, lines: LogLines) -> None:
    error = ValueError("no such invoice")

    def fail(_task: Task, _ctx: Context) -> NoReturn:
        raise error

    assert attempt(runner, both(fail)[0]).error
    line = lines.wait("handler.raised")
    assert (line["task_id"], line["agent"], line["attempt"]) == ("t-1", "plain", 2)
    assert line["error"] == "ValueError: no such invoice"
    assert line["exc_info"] is error


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.floats(), inner, max_size=4),
    max_leaves=20,
)


@given(json_like | st.binary(max_size=30).map(Raw) | st.lists(st.binary(max_size=10).map(Raw), max_size=2))
def test_any_result_is_an_error_or_valid_json(result: Any) -> None:
    made = outcome.of_result(result, 10_000)
    assert (made.output is None) != (made.error is None)
    if made.output is not None:
        msgspec.json.decode(bytes(made.output).decode("utf-8"))


@given(st.text(st.characters()))
def test_any_message_can_be_stored(message: str) -> None:
    error = outcome.of_exception(ValueError(message * 100)).error
    assert error is not None
    assert len(error.message) <= 2_000
    msgspec.json.encode(error)
