"""A candidate routes the submissions of the past again, on a real log; nothing changes there."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callboard.actors.agents import Agent
from callboard.actors.loading import load
from callboard.actors.router import KeywordRouter
from callboard.backtesting import Side, compare, pair
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
    assert tried(server, "--since", "yesterday").code == 2


def test_people_get_tables(server: NatsServer) -> None:
    shown = callboard("backtest", "--app", str(NOW), "--nats", server.url).out
    assert "3 as then (50 %)" in shown
    assert "Changed decisions" in shown
    assert "desk 0%" in shown


async def test_nothing_changes_at_the_server(server: NatsServer) -> None:
    wire = await Wire.open(server.url)
    before = [(await wire.js.stream_info(name)).state.last_seq for name in STREAMS]
    assert (await asyncio.to_thread(tried, server)).code == 0
    assert [(await wire.js.stream_info(name)).state.last_seq for name in STREAMS] == before
    await wire.close()


def test_a_candidate_that_cannot_be_loaded_is_an_error(server: NatsServer, tmp_path: Path) -> None:
    assert tried(server, app=tmp_path / "none.py").code == 1
