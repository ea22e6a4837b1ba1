"""The I/O thread starts and stops in any order, and nobody waits for it in vain."""

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from callboard.events.loop import Loop, LoopStoppedError


async def answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def never(begun: threading.Event | None = None) -> None:
    if begun is not None:
        begun.set()
    await asyncio.Event().wait()


def test_work_runs_in_its_thread_and_comes_back() -> None:
    loop = Loop("io-test")
    loop.start()
    loop.start()

    async def where() -> str:
        return threading.current_thread().name

    assert loop.run(where()) == "io-test"
    assert [loop.spawn(answer(number)).result(5) for number in range(3)] == [0, 1, 2]
    loop.stop()


def test_errors_come_back_too() -> None:
    loop = Loop()
    loop.start()

    async def fail() -> None:
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        loop.run(fail())
    loop.stop()


def test_work_that_takes_too_long_is_cancelled() -> None:
    loop = Loop()
    loop.start()
    ended = threading.Event()

    async def work() -> None:
        try:
            await never()
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        loop.run(work(), timeout=0.05)
    assert ended.wait(5)
    loop.stop()


def test_it_may_be_stopped_before_it_was_started_and_twice() -> None:
    loop = Loop()
    loop.stop()
    loop.stop()
    loop.start()
    with pytest.raises(LoopStoppedError, match="has been stopped"):
        loop.run(answer(1))


def test_stopping_cancels_what_runs_and_returns_when_the_thread_has_ended() -> None:
    loop = Loop("io-stopped")
    loop.start()
    begun = threading.Event()
    running = loop.spawn(never(begun))
    assert begun.wait(5)
    stoppers = [threading.Thread(target=loop.stop) for _ in range(3)]
    for stopper in stoppers:
        stopper.start()
    for stopper in stoppers:
        stopper.join(5)
    with pytest.raises(CancelledError):
        running.result(5)
    assert "io-stopped" not in {thread.name for thread in threading.enumerate()}
    assert loop.loop.is_closed()
    with pytest.raises(LoopStoppedError):
        loop.spawn(never())


def test_work_given_while_it_stops_is_refused_or_cancelled_never_forgotten() -> None:
    for _ in range(30):
        loop = Loop()
        loop.start()
        outcomes: list[str] = []

        def give(loop: Loop = loop, outcomes: list[str] = outcomes) -> None:
            while True:
                try:
                    loop.run(answer(1), timeout=5)
                except LoopStoppedError:
                    outcomes.append("refused")
                    return
                except CancelledError:
                    outcomes.append("cancelled")

        givers = [threading.Thread(target=give) for _ in range(3)]
        for giver in givers:
            giver.start()
        loop.stop()
        for giver in givers:
            giver.join(5)
        assert outcomes.count("refused") == 3


def test_waiting_for_itself_is_refused() -> None:
    loop = Loop()
    loop.start()

    async def wait_for_itself() -> int:
        return loop.run(answer(1))

    with pytest.raises(RuntimeError, match="cannot wait for itself"):
        loop.run(wait_for_itself(), timeout=5)
    loop.stop()
