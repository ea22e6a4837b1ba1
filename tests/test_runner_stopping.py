"""Starting and stopping a runner."""

import asyncio
import subprocess
import sys
import textwrap
import threading

import pytest

from callboard.actors.agents import Task, specialist
from callboard.actors.context import Context
from callboard.actors.runner import Runner
from tests.support.attempts import PATIENCE_SECONDS, attempt, running, signal
from tests.support.log_lines import LogLines
from tests.support.runners import logged

STOPPED = ("Stopped", "the worker stops", True)
lines = pytest.fixture(autouse=True)(logged)


@specialist("echo")
async def echo(task: Task) -> object:
    return task.input


def started() -> Runner:
    runner = Runner(cancel_grace_seconds=0.05)
    runner.start()
    return runner


def test_it_may_be_stopped_before_it_was_started_and_twice() -> None:
    runner = Runner()
    assert runner.stop()
    runner = started()
    assert runner.stop()
    assert runner.stop()


def test_a_runner_that_does_not_run_answers_at_once() -> None:
    for agent in (echo, specialist("b")(lambda _task: 1)):
        assert attempt(Runner(), agent).error == STOPPED
        runner = started()
        runner.stop()
        assert attempt(runner, agent).error == STOPPED


def test_stopping_calls_off_what_runs_and_waits_for_it() -> None:
    begun = [threading.Event(), threading.Event()]
    cleaned = threading.Event()

    @specialist("a")
    async def sleep(_task: Task) -> None:
        begun[0].set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    @specialist("b")
    def look(_task: Task, ctx: Context) -> None:
        begun[1].set()
        pause = threading.Event()
        while not ctx.cancelled:
            pause.wait(0.001)

    runner = started()
    attempts = [attempt(runner, sleep), attempt(runner, look)]
    for event in begun:
        signal(event)
    assert runner.stop(PATIENCE_SECONDS)
    assert [len(made.outcomes) for made in attempts] == [1, 1]
    assert [made.error for made in attempts] == [STOPPED, STOPPED]
    assert cleaned.is_set()


@pytest.mark.parametrize("kind", ["plain", "ignores cancellation", "blocks the loop"])
def test_a_handler_that_hangs_does_not_hold_up_the_stop(kind: str, lines: LogLines) -> None:
    begun, release = threading.Event(), threading.Event()

    @specialist("a")
    def hang(_task: Task) -> None:
        begun.set()
        signal(release)

    @specialist("a")
    async def ignore(_task: Task) -> None:
        begun.set()
        while not release.is_set():
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                continue

    @specialist("a")
    async def block(_task: Task) -> None:
        begun.set()
        signal(release)

    runner = started()
    agent = {"plain": hang, "ignores cancellation": ignore, "blocks the loop": block}[kind]
    made = attempt(runner, agent)
    signal(begun)
    assert not runner.stop(0.2)
    assert made.error == STOPPED
    assert lines.wait("handler.abandoned")["after"] == "Stopped"
    release.set()
    lines.wait("handler.returned_late")
    assert len(made.outcomes) == 1


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    with running() as runner:
        assert attempt(runner, echo, 1).output == 1
        assert attempt(runner, specialist("b")(lambda _task: 1)).output == 1
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_a_process_ends_although_a_handler_hangs() -> None:
    program = """
        import threading
        from msgspec import Raw
        from callboard.actors.agents import Task, specialist
        from callboard.actors.context import Context
        from callboard.actors.runner import Runner

        begun = threading.Event()

        @specialist("a")
        def hang(task):
            begun.set()
            threading.Event().wait()

        runner = Runner(cancel_grace_seconds=0.05)
        runner.start()
        task = Task(id="t")
        runner.run(hang, task, Raw(b"1"), Context(task=task), lambda outcome: print(outcome.error.type), 60.0)
        begun.wait()
        runner.stop(0.1)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, timeout=60, check=True, text=True
    )
    assert "Stopped" in done.stdout.splitlines()
