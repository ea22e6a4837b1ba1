"""Plain functions in worker processes: what goes in and comes out is what it is in a thread."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from callboard.actors.runner import Runner
from tests.data import isolated_agents as agents
from tests.support.attempts import attempt, running
from tests.support.log_lines import LogLines
from tests.support.processes import alive
from tests.support.runners import logged, runner_for_module
from tests.support.waiting import until

runner = runner_for_module(max_output_bytes=2_000)
lines = pytest.fixture(autouse=True)(logged)


@pytest.mark.parametrize("value", [None, "größer \x00 \U0001f980", [1, {"a": 2.5}], "x" * 1_900])
def test_the_input_arrives_and_the_output_returns(runner: Runner, value: Any) -> None:
    made = attempt(runner, agents.echo, value)
    assert made.output == value
    assert made.outcome.retryable is False
    assert len(made.outcomes) == 1


def test_an_input_may_be_larger_than_a_pipe(runner: Runner) -> None:
    assert attempt(runner, agents.order, {"invoice": "x" * 900_000, "amount": "no"}).error[0] == "InvalidInput"


def test_the_task_is_there(runner: Runner) -> None:
    identity, agent, kind, number, metadata, at, cancelled = attempt(runner, agents.telling).output
    assert (identity, agent, kind, number, metadata) == ("t-1", "telling", "refund", 2, {"tag": "x"})
    assert datetime.fromisoformat(at).tzinfo is not None
    assert cancelled is False


def test_a_struct_is_decoded_and_checked_in_the_process(runner: Runner) -> None:
    made = attempt(runner, agents.order, {"invoice": "R-1", "amount": 2})
    assert made.output == {"invoice": "R-1", "amount": 2, "task": "t-1", "same": True}
    wrong = attempt(runner, agents.order, {"invoice": 5})
    assert wrong.error == ("InvalidInput", "Expected `str`, got `int` - at `input.invoice`", False)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("value", ("ValueError", "no good", True)),
        ("stock", ("OutOfStockError", "sold out", False)),
        ("exit", ("SystemExit", "3", True)),
        ("interrupt", ("KeyboardInterrupt", "KeyboardInterrupt()", True)),
        ("surrogate", ("ValueError", "\\ud800", True)),
        ("long", ("OutputTooLarge", "expected at most 2000 bytes of output, got 5002", False)),
    ],
)
def test_what_it_raises_is_recorded_and_the_process_goes_on(
    runner: Runner, value: str, error: tuple[str, str, bool]
) -> None:
    before = attempt(runner, agents.raising).output
    assert attempt(runner, agents.raising, value).error == error
    assert attempt(runner, agents.raising).output == before


def test_a_result_that_is_no_json_is_invalid_output(runner: Runner) -> None:
    kind, message, retryable = attempt(runner, agents.raising, "object").error
    assert (kind, retryable) == ("InvalidOutput", False)
    assert "object" in message


def test_it_is_another_process_in_a_group_of_its_own_and_is_used_again(runner: Runner) -> None:
    ran = [attempt(runner, agents.who).output for _ in range(20)]
    assert ran == ran[:1] * 20
    pid, group, main_thread = ran[0]
    assert pid == group != os.getpid()
    assert group != os.getpgrp()
    assert main_thread
    assert runner.processes(agents.who).pids == [pid]


def test_as_many_run_at_a_time_as_the_agent_may(runner: Runner, tmp_path: Path) -> None:
    together = [attempt(runner, agents.who, {"folder": str(tmp_path), "count": 2}) for _ in range(2)]
    pids = {made.output[0] for made in together}
    assert len(pids) == 2
    assert {attempt(runner, agents.who).output[0] for _ in range(10)} <= pids
    waiting = [attempt(runner, agents.who) for _ in range(50)]
    assert {made.output[0] for made in waiting} <= pids
    assert set(runner.processes(agents.who).pids) == pids


def test_reports_are_stored_in_order_and_waited_for(runner: Runner) -> None:
    reports: list[tuple[float | None, str | None]] = []
    made = attempt(runner, agents.reporting, 3, report=reports)
    assert made.output == []
    assert reports == [(0.0, "step 0"), (1 / 3, "step 1"), (2 / 3, "step 2")]


def test_a_report_that_is_not_stored_raises_where_it_is_waited_for(runner: Runner) -> None:
    made = attempt(runner, agents.reporting, 1, report=OSError("no log"))
    assert made.output == ["CallboardError: no log"]


def test_a_flood_of_reports_arrives_whole_before_the_outcome(runner: Runner) -> None:
    reports: list[tuple[float | None, str | None]] = []
    assert attempt(runner, agents.flooding, 5_000, report=reports).output is None
    assert [note for _, note in reports] == [str(number) for number in range(5_000)]


def test_nothing_is_left_of_a_task_that_is_over(runner: Runner) -> None:
    counts = {attempt(runner, agents.collected, n).output for n in range(3)}
    assert len(counts) == 1


def test_log_lines_are_written_here_and_what_is_printed_is_no_result(runner: Runner, lines: LogLines) -> None:
    assert attempt(runner, agents.noisy).output == "done"
    asked = lines.wait("shop.asked")
    assert (asked["agent"], asked["task_id"], asked["attempt"], asked["level"]) == ("noisy", "t-1", 2, "info")
    assert asked["event_time"] == 1.5
    assert asked["thing"].startswith("<object object")
    assert lines.wait("shop.detail")["level"] == "debug"
    assert lines.wait("from afar")["logger"] == "some.library"
    assert "invalid literal" in lines.wait("shop.broke")["exception"]


def test_a_log_line_that_no_json_can_carry_is_cut_to_its_event(runner: Runner, lines: LogLines) -> None:
    assert attempt(runner, agents.noisy, 1).output == "done"
    assert "odd" not in lines.wait("'shop.asked'")


def test_where_it_raised_is_in_the_log(runner: Runner, lines: LogLines) -> None:
    assert attempt(runner, agents.raising, "value").error[0] == "ValueError"
    line = lines.wait("handler.raised")
    assert (line["agent"], line["task_id"], line["error"]) == ("raising", "t-1", "ValueError: no good")
    assert "isolated_agents.py" in line["exception"]


def test_an_idle_process_ends() -> None:
    with running(idle_process_seconds=0.05) as runner:
        pid = attempt(runner, agents.who).output[0]
        until(lambda: not runner.processes(agents.who).pids, "it is given up")
        assert not alive(pid)
        assert attempt(runner, agents.who).output[0] != pid
