"""Calling an attempt off, at any moment of its life."""

import asyncio
import threading
from typing import Any

import pytest

from callboard.actors.agents import Task, specialist
from callboard.actors.context import Context
from callboard.actors.runner import Runner
from tests.support.attempts import Attempt, attempt, running, signal
from tests.support.log_lines import LogLines
from tests.support.runners import logged, runner_for_test

CANCELLED = ("Cancelled", "the task was cancelled", False)
runner = runner_for_test(max_threads=1)
lines = pytest.fixture(autouse=True)(logged)


def test_an_async_handler_gets_a_cancelled_error_and_may_clean_up(runner: Runner, lines: LogLines) -> None:
    begun, cleaned = threading.Event(), threading.Event()

    @specialist("a")
    async def handler(_task: Task, ctx: Context) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            assert ctx.cancelled
            cleaned.set()

    made = attempt(runner, handler)
    signal(begun)
    made.running.cancel()
    assert made.error == CANCELLED
    assert cleaned.is_set()
    assert not lines.named("handler.raised")


def test_a_plain_handler_sees_the_flag(runner: Runner) -> None:
    begun = threading.Event()

    @specialist("a")
    def handler(_task: Task, ctx: Context) -> None:
        begun.set()
        pause = threading.Event()
        while not ctx.cancelled:
            pause.wait(0.001)

    made = attempt(runner, handler)
    signal(begun)
    made.running.cancel()
    assert made.error == CANCELLED


def test_a_plain_handler_that_does_not_look_is_given_up(runner: Runner, lines: LogLines) -> None:
    begun, release = threading.Event(), threading.Event()

    @specialist("a")
    def handler(_task: Task) -> None:
        begun.set()
        signal(release)

    made = attempt(runner, handler)
    signal(begun)
    made.running.cancel()
    assert made.error == CANCELLED
    assert lines.wait("handler.abandoned")["after"] == "Cancelled"
    release.set()
    lines.wait("handler.returned_late")
    assert len(made.outcomes) == 1


def test_what_waits_for_a_thread_never_begins(runner: Runner) -> None:
    release, begun, called = threading.Event(), threading.Event(), threading.Event()

    @specialist("a")
    def occupy(_task: Task) -> None:
        begun.set()
        signal(release)

    occupying = attempt(runner, occupy)
    signal(begun)
    made = attempt(runner, specialist("b")(lambda _task: called.set()))
    made.running.cancel()
    assert made.error == CANCELLED
    release.set()
    assert occupying.output is None
    assert attempt(runner, specialist("c")(lambda _task: 1)).output == 1
    assert not called.is_set()


def test_what_waits_for_the_loop_never_begins() -> None:
    release, begun, called = threading.Event(), threading.Event(), threading.Event()

    @specialist("a")
    async def occupy(_task: Task) -> None:
        begun.set()
        signal(release)

    @specialist("b")
    async def never(_task: Task) -> None:
        called.set()

    with running(cancel_grace_seconds=30.0) as unhurried:
        occupying = attempt(unhurried, occupy)
        signal(begun)
        made = attempt(unhurried, never)
        made.running.cancel()
        assert made.error == CANCELLED
        release.set()
        assert occupying.output is None
    assert not called.is_set()


def test_cancelling_twice_or_after_the_end_does_nothing(runner: Runner) -> None:
    made = attempt(runner, specialist("a")(lambda task: task.input), 1)
    assert made.output == 1
    made.running.cancel()
    made.running.cancel()
    assert made.running.over
    assert made.output == 1
    assert len(made.outcomes) == 1


def test_a_handler_that_cancels_itself_hears_it_once(runner: Runner) -> None:
    mine: list[Attempt] = []
    known = threading.Event()

    @specialist("a")
    async def handler(_task: Task) -> None:
        await asyncio.to_thread(signal, known)
        mine[0].running.cancel()
        await asyncio.Event().wait()

    mine.append(attempt(runner, handler))
    known.set()
    assert mine[0].error == CANCELLED


@pytest.mark.parametrize("mode", [0, 1])
def test_a_race_between_the_end_and_the_cancellation_has_one_outcome(runner: Runner, mode: int) -> None:
    async def handler(task: Task) -> Any:
        return task.input

    agent = [specialist("a")(handler), specialist("a")(lambda task: task.input)][mode]
    attempts = [attempt(runner, agent, number) for number in range(500)]
    for made in reversed(attempts):
        made.running.cancel()
    for number, made in enumerate(attempts):
        assert made.outcome.error is None or made.error == CANCELLED
        assert made.outcome.output is None or made.output == number
    assert {len(made.outcomes) for made in attempts} == {1}
