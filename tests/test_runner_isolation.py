"""Attempts do not see each other, and nothing that one leaves behind ends the runner."""

import asyncio
import contextvars
import threading
from typing import Any, NoReturn

import pytest
from msgspec import Raw

from callboard.actors.agents import Task, specialist
from callboard.actors.context import Context
from callboard.actors.outcome import Outcome
from callboard.actors.runner import Runner
from tests.support.attempts import PATIENCE_SECONDS, attempt, running, signal
from tests.support.handlers import both
from tests.support.log_lines import LogLines
from tests.support.runners import logged, runner_for_module

runner = runner_for_module(max_output_bytes=2_000)
lines = pytest.fixture(autouse=True)(logged)


def test_async_handlers_share_one_loop_and_plain_ones_have_threads(runner: Runner) -> None:
    async def where() -> tuple[str, int]:
        return threading.current_thread().name, id(asyncio.get_running_loop())

    agent = specialist("a")(lambda _task: threading.current_thread().name)

    async def handler(_task: Task) -> tuple[str, int]:
        return await asyncio.create_task(where())

    first, second = (attempt(runner, specialist("a")(handler)).output for _ in range(2))
    assert first == second
    assert first[0] == "callboard-handlers"
    assert attempt(runner, agent).output == "callboard-worker"


@pytest.mark.parametrize("mode", [0, 1])
def test_context_variables_of_one_attempt_are_not_seen_by_the_next(mode: int) -> None:
    variable = contextvars.ContextVar("variable", default="unset")

    def handler(_task: Task, _ctx: Context) -> str:
        before = variable.get()
        variable.set("left behind")
        return before

    variable.set("of the test")
    with running(max_threads=1) as runner:
        agent = both(handler)[mode]
        assert [attempt(runner, agent).output for _ in range(3)] == ["unset"] * 3


def test_what_a_handler_leaves_behind_on_the_loop_does_not_end_it(runner: Runner, lines: LogLines) -> None:
    async def leave(task: Task) -> None:
        async def exit_() -> NoReturn:
            raise SystemExit(task.input)

        task_left = asyncio.create_task(exit_())
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().stop)
        del task_left

    for number in range(3):
        assert attempt(runner, specialist("a")(leave), number).output is None
    assert lines.wait("loop.error")
    assert attempt(runner, both(lambda _task, _ctx: "on")[1]).output == "on"


def test_a_done_that_raises_is_logged_and_the_runner_goes_on(runner: Runner, lines: LogLines) -> None:
    def fail(_outcome: Outcome) -> NoReturn:
        raise RuntimeError("the actor is gone")

    task = Task(id="t-2")
    for agent in both(lambda _task, _ctx: None):
        runner.run(agent, task, Raw(b"1"), Context(task=task), fail, PATIENCE_SECONDS)
        assert attempt(runner, agent).output is None
    assert lines.wait("handler.done_failed")["error"] == "RuntimeError: the actor is gone"


def test_a_thousand_at_once_each_end_once(runner: Runner) -> None:
    agents = both(lambda task, _ctx: task.input)
    attempts = [attempt(runner, agents[number % 2], number) for number in range(1_000)]
    assert [made.output for made in attempts] == list(range(1_000))
    assert {len(made.outcomes) for made in attempts} == {1}


def test_a_burst_wakes_the_loop_once(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    block, blocked = threading.Event(), threading.Event()
    loop = runner._loop._loop
    wake = loop.call_soon_threadsafe
    wakes: list[Any] = []

    @specialist("a")
    async def hold(_task: Task) -> None:
        blocked.set()
        signal(block)

    holding = attempt(runner, hold)
    signal(blocked)

    def counted(*args: Any, **options: Any) -> Any:
        wakes.append(args)
        return wake(*args, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    attempts = [attempt(runner, both(lambda task, _ctx: task.input)[1], number) for number in range(100)]
    block.set()
    assert [made.output for made in attempts] == list(range(100))
    assert holding.output is None
    assert len(wakes) == 1
