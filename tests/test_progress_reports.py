"""What a handler's context does: progress, the flag, the logger."""

import asyncio
import threading
from concurrent.futures import Future
from typing import Any

import pytest

from callboard.actors.agents import Task
from callboard.actors.context import Context
from callboard.events.errors import InvalidValueError
from tests.support.attempts import signal
from tests.support.log_lines import captured

TASK = Task(id="t-1", agent="billing", attempt=2)


class Reports:
    """What was reported, each with the future that the storing side ends."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, Any]] = []
        self.stored: list[Future[None]] = []
        self.arrived = threading.Event()

    def __call__(self, fraction: float | None, note: str | None) -> "Future[None]":
        self.made.append((fraction, note))
        self.stored.append(Future())
        self.arrived.set()
        return self.stored[-1]


def test_a_report_is_under_way_without_being_awaited() -> None:
    reports = Reports()
    Context(task=TASK, report=reports).progress(0.5, "half")
    assert reports.made == [(0.5, "half")]


def test_awaiting_a_report_waits_until_it_is_stored() -> None:
    reports = Reports()

    async def handler() -> list[str]:
        steps = []

        async def report() -> None:
            await Context(task=TASK, report=reports).progress(1)
            steps.append("stored")

        waiting = asyncio.create_task(report())
        await asyncio.to_thread(signal, reports.arrived)
        steps.append("waiting")
        threading.Thread(target=reports.stored[0].set_result, args=(None,)).start()
        await waiting
        return steps

    assert asyncio.run(handler()) == ["waiting", "stored"]


def test_a_handler_that_is_cancelled_while_it_waits_leaves_the_report_alone() -> None:
    reports = Reports()

    async def handler() -> None:
        async def report() -> None:
            await Context(task=TASK, report=reports).progress(1)

        waiting = asyncio.create_task(report())
        await asyncio.to_thread(signal, reports.arrived)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        reports.stored[0].set_result(None)  # raises, had the cancellation reached it
        await asyncio.sleep(0)

    asyncio.run(handler())
    assert reports.stored[0].done()


def test_a_report_that_cannot_be_stored_raises_where_it_is_awaited() -> None:
    reports = Reports()

    async def handler() -> None:
        receipt = Context(task=TASK, report=reports).progress(1)
        reports.stored[0].set_exception(OSError("no log"))
        with pytest.raises(OSError, match="no log"):
            await receipt

    asyncio.run(handler())


def test_a_plain_function_can_wait_too() -> None:
    reports = Reports()
    receipt = Context(task=TASK, report=reports).progress(note="x")
    with pytest.raises(TimeoutError):
        receipt.wait(0.01)
    reports.stored[0].set_result(None)
    receipt.wait()


def test_a_context_for_a_test_needs_a_task_only() -> None:
    ctx = Context(task=TASK)
    ctx.progress(0).wait(0)
    assert not ctx.cancelled
    ctx.call_off()
    assert ctx.cancelled


def test_the_flag_may_be_somebody_elses() -> None:
    flag = threading.Event()
    ctx = Context(task=TASK, cancelled=flag)
    flag.set()
    assert ctx.cancelled
    other = threading.Event()
    Context(task=TASK, cancelled=other).call_off()
    assert other.is_set()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((None, None), "expected a fraction or a note to report, got neither"),
        ((1.01, None), "expected fraction to be 0-1, got 1.01"),
        ((-0.1, None), "expected fraction to be 0-1, got -0.1"),
        ((float("nan"), None), "expected fraction to be 0-1, got nan"),
        ((True, None), "expected fraction to be 0-1, got True"),
        (("half", None), "expected fraction to be 0-1, got 'half'"),
        ((0.5, 3), "expected note to be text, got 3"),
    ],
)
def test_a_report_out_of_range_is_refused(given: tuple[Any, Any], message: str) -> None:
    reports = Reports()
    with pytest.raises(InvalidValueError, match=message):
        Context(task=TASK, report=reports).progress(*given)
    assert not reports.made


def test_a_note_is_cut_and_can_be_stored() -> None:
    reports = Reports()
    ctx = Context(task=TASK, report=reports)
    ctx.progress(note="x" * 10_000)
    ctx.progress(note="\ud800")
    assert len(reports.made[0][1]) == 2_000
    assert reports.made[1][1] == "\\ud800"


def test_log_lines_name_the_task() -> None:
    with captured() as lines:
        ctx = Context(task=TASK)
        ctx.log.info("looking it up", invoice="R-1")
        assert ctx.log is ctx.log
    line = lines.wait("looking it up")
    assert (line["task_id"], line["agent"], line["attempt"], line["invoice"]) == ("t-1", "billing", 2, "R-1")
