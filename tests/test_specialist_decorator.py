"""What @specialist makes of functions and classes, and what it refuses."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct, ValidationError

from callboard.actors.agents import Agent, Task, specialist
from callboard.actors.context import Context
from callboard.events.errors import CallboardError, InvalidTokenError, InvalidValueError

if TYPE_CHECKING:
    from callboard.events.task_events import Failed as Missing
    from callboard.events.task_events import TaskEvent as TaskOfTheTypeChecker
    from tests import support as typing_only


class Refund(Struct):
    invoice: str
    amount: float = 0.0


def task(value: Any = None) -> Task:
    return Task(id="t-1", agent="billing", input=value)


def test_an_async_function_becomes_an_agent_with_all_it_was_given() -> None:
    @specialist(
        "billing",
        keywords=["invoice", "refund"],
        kinds=["refund"],
        concurrency=100,
        timeout_seconds=60,
        max_attempts=3,
        fallback=True,
    )
    async def billing(task: Task, _ctx: Context) -> dict[str, str]:
        return {"answer": task.input}

    assert isinstance(billing, Agent)
    assert (billing.name, billing.keywords, billing.kinds) == ("billing", ("invoice", "refund"), ("refund",))
    assert (billing.concurrency, billing.timeout_seconds, billing.max_attempts) == (100, 60, 3)
    assert (billing.fallback, billing.is_async, billing.input_type, billing.can_handle) == (True, True, None, None)


def test_the_defaults() -> None:
    @specialist("a")
    def plain(task: Task, ctx: Context) -> None: ...

    assert (plain.concurrency, plain.timeout_seconds, plain.max_attempts) == (10, 60, 3)
    assert (plain.kinds, plain.keywords, plain.fallback, plain.is_async) == ((), (), False, False)


def test_an_agent_can_be_called_like_the_function_it_was_made_of() -> None:
    @specialist("a")
    async def echo(task: Task, ctx: Context) -> Any:
        await ctx.progress(0.5, "half")
        return task.input

    assert asyncio.run(echo(task("hi"), Context(task=task("hi")))) == "hi"
    assert asyncio.run(echo(task("hi"))) == "hi"


def test_a_handler_may_take_the_task_only() -> None:
    @specialist("a")
    def shout(task: Task) -> str:
        return str(task.input).upper()

    assert shout(task("hi")) == "HI"
    assert not shout.signature.takes_context


def test_a_struct_as_first_parameter_is_the_input_type() -> None:
    @specialist("a")
    def pay(refund: Refund, ctx: Context) -> str:
        return f"{refund.invoice} of {ctx.task.id}"

    assert pay.input_type is Refund
    assert pay(task({"invoice": "R-1"})) == "R-1 of t-1"
    with pytest.raises(ValidationError, match="amount"):
        pay(task({"invoice": "R-1", "amount": "much"}))


def test_a_class_is_constructed_and_its_rule_kept() -> None:
    @specialist("a")
    class Billing:
        def __init__(self, rate: float = 2.0) -> None:
            self.rate = rate

        def can_handle(self, _task: Task) -> float:
            return 0.25 * self.rate

        async def process(self, refund: Refund, _ctx: Context) -> float:
            return refund.amount * self.rate

    assert isinstance(Billing, Agent)
    assert Billing.is_async
    assert Billing.input_type is Refund
    assert Billing.can_handle is not None
    assert Billing.can_handle(task()) == 0.5
    assert asyncio.run(Billing(task({"invoice": "R", "amount": 4}))) == 8


def test_an_object_with_process_serves_too() -> None:
    class Billing:
        def process(self, _task: Task) -> str:
            return "ok"

    assert specialist("a")(Billing())(task()) == "ok"


def test_nothing_is_registered_anywhere() -> None:
    def handler(task: Task) -> None: ...

    first, second = specialist("a")(handler), specialist("a")(handler)
    assert first is not second
    assert first != second


def test_an_annotation_that_only_the_type_checker_imports_is_a_task_by_its_name() -> None:
    def plain(task: typing_only.Task, ctx: Context) -> None: ...  # type: ignore[name-defined]

    assert specialist("a")(plain).input_type is None


def test_another_annotation_that_cannot_be_found_is_refused_with_the_fix() -> None:
    def handler(missing: Missing, ctx: Context) -> None: ...

    with pytest.raises(InvalidValueError, match=r"cannot find the type 'Missing' .*handler.*import it at run time"):
        specialist("a")(handler)


def test_annotations_of_other_parameters_do_not_matter() -> None:
    def handler(task: Task, ctx: Missing) -> TaskOfTheTypeChecker | None: ...

    assert specialist("a")(handler).input_type is None


@pytest.mark.parametrize("annotation", ["Any", "object", "Task"])
def test_these_annotations_take_the_task(annotation: str) -> None:
    def handler(task, ctx): ...  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202

    handler.__annotations__["task"] = annotation
    assert specialist("a")(handler).input_type is None


def test_decorated_and_partial_functions_are_read_through() -> None:
    def traced(function: Any) -> Any:
        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            return await function(*args, **kwargs)

        return wrapper

    async def pay(refund: Refund, _ctx: Context, rate: int = 1) -> float:
        return refund.amount * rate

    for handler in (traced(pay), functools.partial(pay, rate=3)):
        agent = specialist("a")(handler)
        assert (agent.input_type, agent.is_async, agent.signature.takes_context) == (Refund, True, True)


def takes_nothing() -> None: ...
def takes_three(task: Task, ctx: Context, other: str) -> None: ...
def takes_a_keyword(task: Task, *, needed: int) -> None: ...
def takes_text(text: str, ctx: Context) -> None: ...
def generates(_task: Task) -> Iterator[int]:
    yield 1


async def generates_later(_task: Task) -> AsyncIterator[int]:
    yield 1


class Chargeback(Struct):
    invoice: str


class Unreadable(Struct):
    either: Refund | Chargeback  # untagged: JSON does not tell which


def takes_what_json_cannot_carry(value: Unreadable) -> None: ...


class WithoutProcess: ...


class WithArguments:
    def __init__(self, url: str) -> None: ...

    def process(self, task: Task) -> None: ...


class WithAsyncRule:
    async def can_handle(self, _task: Task) -> bool:
        return True

    def process(self, task: Task) -> None: ...


class WithBareRule:
    def can_handle(self) -> bool:
        return True

    def process(self, task: Task) -> None: ...


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (takes_nothing, r"expected takes_nothing to take \(task, ctx\) or \(task\), got \(\)"),
        (takes_three, "takes_three to take"),
        (takes_a_keyword, "takes_a_keyword to take"),
        (takes_text, "takes_text to take a Task or a msgspec.Struct first, got str"),
        (generates, "generates to return its result, got a generator"),
        (generates_later, "generates_later to return its result, got a generator"),
        (takes_what_json_cannot_carry, "cannot decode JSON into Unreadable"),
        (WithoutProcess, r"expected WithoutProcess to have process\(task, ctx\)"),
        (WithArguments, "WithArguments to be constructed without arguments: .*url"),
        (WithAsyncRule, "expected can_handle to be a plain function"),
        (WithBareRule, r"can_handle to take \(task\)"),
        (3, "expected a function as handler, got 3"),
    ],
)
def test_what_cannot_be_a_handler_is_refused_by_name(target: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        specialist("a")(target)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keywords": "invoice"}, "expected keywords to be a list of texts, got 'invoice'"),
        ({"kinds": "refund"}, "expected kinds to be a list of texts, got 'refund'"),
        ({"keywords": ["invoice", " - "]}, "expected keywords to be texts with a letter, digit or symbol, got ' - '"),
        ({"keywords": [1]}, "expected keywords to be .* got 1"),
        ({"keywords": None}, "expected keywords to be a list of texts, got None"),
        ({"kinds": [""]}, "expected kinds to be texts of 1-256 characters, got ''"),
        ({"concurrency": 0}, "expected concurrency to be a whole number from 1 to 10,000, got 0"),
        ({"concurrency": True}, "concurrency .* got True"),
        ({"concurrency": 1.5}, "concurrency .* got 1.5"),
        ({"max_attempts": 0}, "expected max_attempts to be a whole number from 1 to 1,000, got 0"),
        ({"timeout_seconds": 0}, "expected timeout_seconds to be a number above 0, got 0"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds .* got nan"),
        ({"timeout_seconds": float("inf")}, "timeout_seconds .* got inf"),
        ({"timeout_seconds": "60"}, "timeout_seconds .* got '60'"),
        ({"fallback": "yes"}, "expected fallback to be True or False, got 'yes'"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message) as caught:
        specialist("a", **options)(takes_task)
    assert caught.value.field == next(iter(options))


def takes_task(task: Task) -> None: ...


@pytest.mark.parametrize("name", ["", "a.b", "a b", "*", "é", "x" * 65])
def test_a_name_that_cannot_stand_in_a_subject_is_refused(name: str) -> None:
    with pytest.raises(InvalidTokenError, match="expected agent name to match"):
        specialist(name)(takes_task)


def test_a_bare_decorator_says_what_to_write() -> None:
    with pytest.raises(CallboardError, match=r'expected @specialist\("name"\)'):
        specialist(takes_task)  # type: ignore[arg-type]


def test_an_agent_made_by_hand_is_checked_too() -> None:
    agent = Agent(name="a", handler=takes_task, keywords=("x",))
    assert not agent.is_async
    with pytest.raises(InvalidValueError, match="expected keywords to be a tuple"):
        Agent(name="a", handler=takes_task, keywords=["x"])  # type: ignore[arg-type]
