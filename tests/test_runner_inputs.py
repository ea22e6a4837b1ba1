"""A handler that declares the type of its input gets that type, or is not called."""

import threading
from typing import Any

import pytest
from msgspec import Raw, Struct

from callboard.actors.agents import specialist
from callboard.actors.context import Context
from callboard.actors.runner import Runner
from tests.support.attempts import attempt
from tests.support.runners import logged, runner_for_module

runner = runner_for_module(max_output_bytes=2_000)
lines = pytest.fixture(autouse=True)(logged)


class Refund(Struct):
    invoice: str
    amount: int = 0
    lines: list[dict[str, int]] = []

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise RuntimeError("a negative refund is a payment")


@pytest.mark.parametrize("mode", [0, 1])
def test_an_input_of_the_declared_type_arrives_as_that_type(runner: Runner, mode: int) -> None:
    async def pay_later(refund: Refund, ctx: Context) -> Any:
        return pay_now(refund, ctx)

    def pay_now(refund: Refund, ctx: Context) -> Any:
        assert ctx.task.input is refund
        return [type(refund).__name__, refund.amount, ctx.task.kind]

    agent = specialist("a")([pay_now, pay_later][mode])
    assert attempt(runner, agent, {"invoice": "R", "amount": 3}).output == ["Refund", 3, "refund"]


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "Object missing required field `invoice`"),
        ({"invoice": 1}, "Expected `str`, got `int` - at `input.invoice`"),
        ({"invoice": "R", "lines": [{"n": "x"}]}, "Expected `int`, got `str` - at `input.lines[0][...]`"),
        ("text", "Expected `object`, got `str`"),
        ({"invoice": "R", "amount": -1}, "a negative refund is a payment"),
        (Raw(b"{"), "Input data was truncated"),
        (Raw(b'{"invoice": "\xff"}'), "utf-8"),
    ],
)
def test_an_input_of_another_shape_names_the_field_and_is_not_retried(
    runner: Runner, mode: int, value: Any, message: str
) -> None:
    called = threading.Event()

    def pay(_refund: Refund) -> None:
        called.set()

    async def pay_later(_refund: Refund) -> None:
        called.set()

    kind, text, retryable = attempt(runner, specialist("a")([pay, pay_later][mode]), value).error
    assert (kind, retryable) == ("InvalidInput", False)
    assert message in text
    assert not called.is_set()
