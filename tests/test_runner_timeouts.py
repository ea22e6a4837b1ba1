"""A handler that takes too long, hangs or blocks ends as a Timeout, and nobody else has to wait for it."""

import asyncio
import threading
from typing import Any

import pytest

from callboard.actors.agents import Task, specialist
from callboard.actors.context import Context
from callboard.actors.runner import Runner
from tests.support.attempts import attempt, signal
from tests.support.log_lines import LogLines
from tests.support.runners import logged, runner_for_test

SHORT = 0.05
TIMEOUT = ("Timeout", "no result after 0.05 s", True)
runner = runner_for_test(max_threads=2)
lines = pytest.fixture(autouse=True)(logged)


@specialist("echo")
def echo(task: Task) -> Any:
    return task.input


@specialist("echo")
async def echo_later(task: Task) -> Any:
    return task.input


def test_an_async_handler_is_cancelled(runner: Runner) -> None:
    cancelled = threading.Event()

    @specialist("a")
    async def sleep(_task: Task, ctx: Context) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            assert ctx.cancelled
            cancelled.set()
            raise

    assert attempt(runner, sleep, timeout_seconds=SHORT).error == TIMEOUT
    assert cancelled.is_set()


@pytest.mark.parametrize("ending", ["returns", "raises"])
def test_it_is_a_timeout_however_the_cancelled_handler_ends(runner: Runner, ending: str) -> None:
    @specialist("a")
    async def handler(_task: Task) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if ending == "raises":
                raise ValueError from None
        return "too late"

    made = attempt(runner, handler, timeout_seconds=SHORT)
    assert made.error == TIMEOUT
    assert attempt(runner, echo_later, 1).output == 1
    assert len(made.outcomes) == 1


def test_an_async_handler_that_ignores_cancellation_is_abandoned(runner: Runner, lines: LogLines) -> None:
    release = threading.Event()

    @specialist("a")
    async def stubborn(_task: Task) -> None:
        waiting = asyncio.ensure_future(asyncio.to_thread(signal, release))
        while not waiting.done():
            try:
                await asyncio.shield(waiting)
            except asyncio.CancelledError:
                continue

    made = attempt(runner, stubborn, timeout_seconds=SHORT)
    assert made.error == TIMEOUT
    assert lines.wait("handler.abandoned")["after"] == "Timeout"
    assert attempt(runner, echo_later, 1).output == 1
    release.set()
    assert lines.wait("handler.returned_late")["task_id"] == "t-1"
    assert len(made.outcomes) == 1


def test_a_plain_function_that_looks_at_the_flag_ends_in_time(runner: Runner, lines: LogLines) -> None:
    @specialist("a")
    def patient(_task: Task, ctx: Context) -> str:
        pause = threading.Event()
        while not ctx.cancelled:
            pause.wait(0.001)
        return "stopped"

    assert attempt(runner, patient, timeout_seconds=SHORT).error == TIMEOUT
    assert not lines.named("handler.abandoned")
    assert runner.threads.lost == 0


def test_plain_functions_that_hang_do_not_exhaust_the_pool(runner: Runner, lines: LogLines) -> None:
    release = threading.Event()

    @specialist("a")
    def hang(_task: Task) -> None:
        signal(release)

    hanging = [attempt(runner, hang, timeout_seconds=SHORT) for _ in range(6)]
    assert [made.error for made in hanging] == [TIMEOUT] * 6
    assert [attempt(runner, echo, n).output for n in range(3)] == [0, 1, 2]
    line = lines.wait("handler.abandoned", 6)
    assert "in signal" in line["at"]
    assert line["lost_threads"] == runner.threads.lost == 6
    release.set()
    lines.wait("handler.returned_late", 6)
    assert {len(made.outcomes) for made in hanging} == {1}


def test_waiting_for_a_thread_is_not_counted(runner: Runner) -> None:
    release = threading.Event()
    begun = [threading.Event(), threading.Event()]

    @specialist("a")
    def occupy(task: Task) -> None:
        begun[task.input].set()
        signal(release)

    occupying = [attempt(runner, occupy, n) for n in range(2)]
    for event in begun:
        signal(event)
    waiting = attempt(runner, echo, "served", timeout_seconds=SHORT)
    over = threading.Event()
    runner.deadlines.add(2 * SHORT, over.set)
    signal(over)
    assert not waiting.outcomes
    release.set()
    assert waiting.output == "served"
    assert [made.output for made in occupying] == [None, None]


def test_an_async_handler_that_blocks_its_loop_is_replaced_with_it(runner: Runner, lines: LogLines) -> None:
    release, blocked = threading.Event(), threading.Event()

    @specialist("a")
    async def block(_task: Task) -> None:
        blocked.set()
        signal(release)

    made = attempt(runner, block, timeout_seconds=SHORT)
    signal(blocked)
    waiting = [attempt(runner, echo_later, n) for n in range(10)]
    assert made.error == TIMEOUT
    assert [other.output for other in waiting] == list(range(10))
    assert "in signal" in lines.wait("loop.blocked")["at"]
    assert attempt(runner, echo_later, "on").output == "on"
    release.set()
    lines.wait("handler.returned_late")
    assert {len(other.outcomes) for other in [made, *waiting]} == {1}


def test_a_blocked_loop_that_comes_back_ends_what_it_had_begun(runner: Runner, lines: LogLines) -> None:
    release, blocked = threading.Event(), threading.Event()

    @specialist("a")
    async def half_way(_task: Task) -> str:
        await asyncio.sleep(0)
        await asyncio.to_thread(signal, blocked)
        return "survived"

    @specialist("b")
    async def block(_task: Task) -> None:
        blocked.set()
        signal(release)

    bystander = attempt(runner, half_way)
    made = attempt(runner, block, timeout_seconds=SHORT)
    assert made.error == TIMEOUT
    lines.wait("loop.blocked")
    release.set()
    assert bystander.output == "survived"


def test_what_is_left_on_the_loop_by_a_finished_handler_and_blocks_is_found_out(
    runner: Runner, lines: LogLines
) -> None:
    release, blocked = threading.Event(), threading.Event()

    def hold() -> None:
        blocked.set()
        signal(release)

    @specialist("a")
    async def leave(_task: Task) -> None:
        asyncio.get_running_loop().call_soon(hold)

    assert attempt(runner, leave).output is None
    signal(blocked)
    assert attempt(runner, echo_later, timeout_seconds=SHORT).error == TIMEOUT
    lines.wait("loop.blocked")
    assert attempt(runner, echo_later, "on").output == "on"
    release.set()


def test_a_limit_below_the_clock_still_ends_once(runner: Runner) -> None:
    for agent in (echo, echo_later):
        made = [attempt(runner, agent, timeout_seconds=1e-9) for _ in range(50)]
        for each in made:
            assert each.outcome.error is None or each.error[0] == "Timeout"
        assert {len(each.outcomes) for each in made} == {1}


def test_a_very_long_limit_is_no_trouble(runner: Runner) -> None:
    assert attempt(runner, echo, 1, timeout_seconds=1e300).output == 1
    assert attempt(runner, echo_later, 1, timeout_seconds=1e300).output == 1
