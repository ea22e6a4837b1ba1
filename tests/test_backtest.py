"""A candidate routes the submissions of the past again, on a real log; nothing changes there."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callboard import backtest, backtesting
from callboard.actors.agents import Agent
from callboard.actors.loading import load
from callboard.actors.router import KeywordRouter
from callboard.actors.task import Task
from callboard.backtesting import Side, compare, pair
from callboard.config import Config
from callboard.events import log_pages
from callboard.events.subjects import STREAMS
from callboard.events.task_events import TaskError, TaskEvent
from tests.support.command_line import Ran, callboard
from tests.support.log_stretch import named
from tests.support.nats_server import NatsServer
from tests.support.running import Running
from tests.support.task_story import assigned, completed, failed, routed, started, submitted
from tests.support.wire import Wire

DATA = Path(__file__).parent / "data"
THEN, NOW = DATA / "routing_agents.py", DATA / "candidate_agents.py"
SUBMISSIONS = {
    "invoice": "where is my invoice?",
    "both": "a refund for this invoice, please",
    "money": "I want my money back",
    "phone": "my phone has no signal",
    "law": "a contract",
    "hello": "hello",
}


def history(task_id: str, text: str, **decided: Any) -> list[TaskEvent]:
    values: dict[str, Any] = {"method": "keyword", "agent": "billing", **decided}
    return named(task_id, [submitted(input=msgspec.Raw(msgspec.json.encode(text))), routed(**values), assigned()])


def candidate() -> list[Agent]:
    return load(str(NOW))


def test_each_submission_is_compared_with_what_was_decided_then() -> None:
    events = [
        *history("same", "an invoice"),
        *history("other", "no signal", confidence=0.5),
        *history("explicit", "no signal", method="explicit"),
        *history("gone", "no signal", method="explicit", agent="travel"),
        *named("nobody", [submitted(input=msgspec.Raw(b'"invoice"')), failed(2, error=TaskError("NoRoute", "nobody"))]),
    ]
    found = compare(pair(events), KeywordRouter(), candidate())
    assert (found.submissions, found.routed, found.agreed, found.explicit) == (5, 3, 1, 2)
    assert found.agreement == pytest.approx(33.333)
    assert found.confusion == {"billing": {"billing": 1, "phones": 1}, "nobody": {"billing": 1}}
    assert found.missing == {"travel": 1}
    (other, nobody) = found.changes
    assert (other.id, other.then.agent, other.now.agent, other.now.confidence) == ("other", "billing", "phones", 0.5)
    assert nobody.then == Side(None, None, 0.0, "nobody")


def test_the_threshold_is_the_candidates() -> None:
    found = compare(pair(history("one", "an invoice")), KeywordRouter(0.6), candidate())
    assert found.confusion == {"billing": {"desk": 1}}


def test_without_a_submission_there_is_no_agreement() -> None:
    assert compare([], KeywordRouter(), candidate()).agreement is None


def failing(error: BaseException) -> Agent:
    def can_handle(task: Task) -> float:
        if task.input == "fine":
            return 1.0
        raise error

    return Agent(name="odd", handler=len, can_handle=can_handle)


@pytest.mark.parametrize("error", [KeyError("text"), SystemExit(3), RecursionError("deep")])
def test_rules_that_fail_are_counted_and_named_where_a_decision_changes(error: BaseException) -> None:
    events = [*history("one", "an invoice"), *history("two", "no signal"), *history("three", "fine")]
    found = compare(pair(events), KeywordRouter(), [*candidate(), failing(error)])
    assert {name: failure.count for name, failure in found.failed_rules.items()} == {"odd": 2}
    assert found.failed_rules["odd"].first.startswith(type(error).__name__)
    two, three = found.changes
    assert f"; the can_handle of odd failed with {type(error).__name__}" in two.now.reason
    assert "failed" not in three.now.reason


def test_an_answer_that_is_no_confidence_is_a_failure_of_the_rule() -> None:
    agent = Agent(name="odd", handler=len, can_handle=lambda _task: 7.0)
    found = compare(pair(history("one", "x")), KeywordRouter(), [*candidate(), agent])
    assert found.failed_rules["odd"].first == (
        "InvalidValueError: expected can_handle to return True, False or 0-1, got 7.0"
    )


def test_of_very_many_changes_the_first_are_kept_and_the_rest_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtesting, "KEPT", 2)
    events = [event for number in range(5) for event in history(f"task-{number}", "no signal")]
    found = compare(pair(events), KeywordRouter(), candidate())
    assert [each.id for each in found.changes] == ["task-0", "task-1"]
    assert (found.more_changes, found.agreed, found.agreement) == (3, 0, 0.0)


def test_what_no_router_decided_is_left_out() -> None:
    events = named("task", [submitted(), failed(2), started(3), completed(4), routed(5)])
    assert list(pair(events)) == []


def test_submissions_may_be_mixed() -> None:
    one, other = history("one", "an invoice"), history("other", "hello", agent="desk")
    mixed = [one[0], other[0], other[1], one[1]]
    assert compare(pair(mixed), KeywordRouter(), candidate()).agreement == 100


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A server on which callboard has routed some submissions."""
    directory = tmp_path_factory.mktemp("board") / "board"
    running = Running(directory, "--port", "0", "--app", str(THEN))
    try:
        asyncio.run(submit(running.url))
        assert running.stop() == 0
    finally:
        running.kill()
    server = NatsServer(directory)
    yield server
    server.kill()


async def submit(url: str) -> None:
    wire = await Wire.open(url)
    for name, text in SUBMISSIONS.items():
        assert (await wire.ask("api.submit", {"id": name, "input": text})).ok
    assert (await wire.ask("api.submit", {"id": "to-law", "input": "hello", "agent": "law"})).ok
    await wire.close()


def tried(server: NatsServer, *options: str, app: Path = NOW) -> Ran:
    return callboard("backtest", "--app", str(app), "--nats", server.url, "--json", *options)


def test_a_candidate_is_tried_on_a_real_log(server: NatsServer) -> None:
    found = tried(server).json
    assert (found["submissions"], found["routed"], found["explicit"]) == (7, 6, 1)
    assert found["missing"] == {"law": 1}
    changes = {each["id"]: (each["then"]["agent"], each["now"]["agent"]) for each in found["changes"]}
    assert changes == {"money": ("billing", "desk"), "phone": ("desk", "phones"), "law": ("law", "desk")}
    assert found["agreed"] == 3
    assert found["confusion"]["billing"] == {"billing": 2, "desk": 1}


def test_the_log_of_a_stopped_callboard_does_as_well(server: NatsServer) -> None:
    server.stop()
    found = callboard("backtest", "--app", str(NOW), "--dir", str(server.directory), "--json")
    server.start()
    assert found.json == tried(server).json


def test_the_agents_of_then_decide_as_then(server: NatsServer) -> None:
    found = tried(server, "--fail-below", "100", app=THEN)
    assert found.code == 0
    assert (found.json["agreement"], found.json["changes"], found.json["missing"]) == (100, [], {})


def test_too_little_agreement_is_a_failure_where_that_was_asked_for(server: NatsServer) -> None:
    assert tried(server, "--fail-below", "50").code == 0
    assert tried(server, "--fail-below", "50.1").code == 1


def test_a_stretch_of_the_log_is_chosen_by_sequence_or_time(server: NatsServer) -> None:
    assert tried(server, "--since", "1000000").json["submissions"] == 0
    long_ago = ("--since", "2000-01-01T00:00:00Z", "--until", "2001-01-01T00:00:00Z")
    assert tried(server, *long_ago).json["submissions"] == 0
    for nowhere in ("yesterday", "0", "2000-01-01T00:00:00"):
        assert tried(server, "--since", nowhere).code == 2
    (routed_at,) = {event["at"] for event in tried(server).json["changes"] if event["id"] == "phone"}
    assert tried(server, "--since", routed_at, "--until", routed_at).json["submissions"] == 1


def test_people_get_tables(server: NatsServer) -> None:
    shown = callboard("backtest", "--app", str(NOW), "--nats", server.url).out
    assert "3 as then (50 %)" in shown
    assert "Changed decisions" in shown
    assert "desk 0%" in shown


def test_a_callboard_that_runs_on_the_directory_is_no_obstacle(tmp_path: Path) -> None:
    running = Running(tmp_path / "board", "--port", "0", "--app", str(THEN))
    try:
        found = callboard("backtest", "--app", str(NOW), "--dir", str(running.directory), "--json")
        assert (found.code, found.json["submissions"]) == (0, 0)
    finally:
        running.kill()


async def test_nothing_changes_at_the_server(server: NatsServer) -> None:
    wire = await Wire.open(server.url)
    before = [(await wire.js.stream_info(name)).state.last_seq for name in STREAMS]
    assert (await asyncio.to_thread(tried, server)).code == 0
    assert [(await wire.js.stream_info(name)).state.last_seq for name in STREAMS] == before
    await wire.close()


def test_a_candidate_that_is_slow_reads_the_log_anew_where_it_was(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config.build(directory=server.directory, nats_url=server.url, app=str(NOW))
    at_once = backtest.backtest(config)
    monkeypatch.setattr(backtest, "STALE_SECONDS", 0.0)
    monkeypatch.setattr(log_pages, "PAGE", 3)
    monkeypatch.setattr(log_pages, "_REQUEST", b'{"batch": 3, "no_wait": true}')
    assert backtest.backtest(config) == at_once


ODD = """
import sys
from callboard import specialist

print("loaded")

@specialist("odd", fallback=True)
class Odd:
    def process(self, task):
        return 1

    def can_handle(self, task):
        print("asked")
        sys.exit("enough")
"""


def test_a_candidate_that_prints_and_exits_is_heard_on_standard_error(server: NatsServer, tmp_path: Path) -> None:
    app = tmp_path / "odd.py"
    app.write_text(ODD, encoding="utf-8")
    found = tried(server, app=app)
    assert found.code == 0, found.err
    assert found.json["failed_rules"] == {"odd": {"count": 6, "first": "SystemExit: enough"}}
    assert "loaded" in found.err
    assert "asked" in found.err
    shown = callboard("backtest", "--app", str(app), "--nats", server.url)
    assert "the can_handle of odd failed 6 times, at first with SystemExit: enough" in shown.out


def test_a_candidate_that_cannot_be_loaded_is_an_error(server: NatsServer, tmp_path: Path) -> None:
    assert tried(server, app=tmp_path / "none.py").code == 1
