"""Coroutines wait for the views, which are written on another thread."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard.projections.runner import Runner
from callboard.projections.store import Views
from tests.support.log_stretch import log_of, named
from tests.support.task_story import QUEUED, RUNNING, cancelled, completed, delivered, failed
from tests.support.views import opened

LONG = 30.0
LOG = log_of([*RUNNING, completed(), delivered()])


async def end_of(runner: Runner, task_id: str, seconds: float = LONG) -> bool:
    with runner.watch(task_id) as watch:
        return await watch.wait(seconds)


@pytest.fixture
def views(tmp_path: Path) -> Iterator[Views]:
    with opened(tmp_path / "views") as views:
        yield views


async def test_what_is_reached_already_is_not_waited_for(views: Views) -> None:
    runner = Runner(views)
    runner.apply(LOG[:3])
    assert await runner.wait(3, 0)
    assert await runner.wait(0, 0)
    assert Runner(views).position == 3


async def test_a_wait_ends_when_the_sequence_is_reached(views: Views) -> None:
    runner = Runner(views)
    waits = [asyncio.create_task(runner.wait(seq, LONG)) for seq in (4, 2, 3, 6)]
    await asyncio.sleep(0)
    await asyncio.to_thread(runner.apply, LOG[:4])
    assert await asyncio.gather(*waits[:3]) == [True, True, True]
    assert not waits[3].done()
    await asyncio.to_thread(runner.apply, LOG[4:])
    assert await waits[3]
    assert not runner.is_watched()


async def test_a_wait_is_over_after_its_time(views: Views) -> None:
    runner = Runner(views)
    assert not await runner.wait(1, 0.01)
    assert not runner.is_watched()


async def test_a_wait_that_is_called_off_leaves_nothing_behind(views: Views) -> None:
    runner = Runner(views)
    waits = [asyncio.create_task(runner.wait(1, LONG)), asyncio.create_task(end_of(runner, "task-1"))]
    await asyncio.sleep(0)
    assert runner.is_watched()
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    assert not runner.is_watched()
    runner.apply(LOG)


@pytest.mark.parametrize("end", [completed(5), failed(5), cancelled(5)])
async def test_the_end_of_a_task_wakes_who_waits_for_it_and_nobody_else(views: Views, end: object) -> None:
    runner = Runner(views)
    mine = [asyncio.create_task(end_of(runner, "task-1")) for _ in range(3)]
    other = asyncio.create_task(end_of(runner, "task-2"))
    await asyncio.sleep(0)
    runner.apply(log_of([*RUNNING, *named("task-2", QUEUED)]))
    await asyncio.sleep(0)
    assert not any(wait.done() for wait in mine)
    await asyncio.to_thread(runner.apply, log_of([end], first=8))  # type: ignore[list-item]
    assert await asyncio.gather(*mine) == [True, True, True]
    assert not other.done()
    other.cancel()


async def test_a_watch_notices_an_end_that_comes_before_the_wait(views: Views) -> None:
    runner = Runner(views)
    with runner.watch("task-1") as watch:
        runner.apply(LOG)
        assert await watch.wait(LONG)
    assert not runner.is_watched()


async def test_the_view_holds_the_end_when_a_waiter_wakes(views: Views) -> None:
    runner = Runner(views)
    waits = [asyncio.create_task(end_of(runner, "task-1"))]
    await asyncio.sleep(0)
    await asyncio.to_thread(runner.apply, LOG)
    assert await waits[0]
    assert runner.position == views.position == 6


async def test_events_that_come_again_wake_nobody(views: Views) -> None:
    runner = Runner(views)
    runner.apply(LOG)
    runner.apply(LOG)
    assert not await end_of(runner, "task-1", 0.01)


def test_waiters_of_several_loops_are_each_woken_on_their_own(views: Views) -> None:
    runner = Runner(views)

    async def waits() -> tuple[bool, bool]:
        before = await runner.wait(3, 0.01)
        runner.apply(LOG)
        return before, await runner.wait(3, LONG)

    assert asyncio.run(waits()) == (False, True)
    assert asyncio.run(waits()) == (True, True)
