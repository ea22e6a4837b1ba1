"""A back-test over a log in which accepted rules have routed tasks, each of them for some time only."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callboard.actors.loading import load
from callboard.app import App
from callboard.backtest import backtest
from callboard.backtesting import Backtest
from callboard.config import Config
from callboard.log_place import LogPlace
from tests.support.nats_server import NatsServer
from tests.support.rulings import learned, rulings
from tests.support.wire import Wire
from tests.support.wire_event import last

DATA = Path(__file__).parent / "data"
THEN = DATA / "rule_agents.py"
RULE = learned("agent", "plain", intent="meeting")


@pytest.fixture(scope="module")
def server(nats_server: NatsServer, tmp_path_factory: pytest.TempPathFactory) -> NatsServer:
    """A server whose log has submissions of two users from before, under and after a rule of one of them."""
    directory = tmp_path_factory.mktemp("board")
    # A callboard that starts knows what was decided before: each of these is decided as the log has it.
    assert submitted(nats_server, directory, "before") == ["meetings", "meetings"]
    with rulings(nats_server.url) as people:
        people.accept("ada", RULE)
    assert submitted(nats_server, directory, "under") == ["plain", "meetings"]
    with rulings(nats_server.url) as people:
        people.reject("ada", RULE)
    assert submitted(nats_server, directory, "after") == ["meetings", "meetings"]
    return nats_server


def submitted(server: NatsServer, directory: Path, name: str) -> list[str]:
    """Run a callboard that takes a task of each user, and return their agents."""
    app = App(Config.build(directory=directory, nats_url=server.url), load(str(THEN)))
    app.start()
    try:
        return asyncio.run(submit(server.url, name))
    finally:
        app.stop()


async def submit(url: str, name: str) -> list[str]:
    wire = await Wire.open(url)
    agents = []
    for user in ("ada", "bob"):
        events = await wire.run({"id": f"{name}-{user}", "kind": "meeting", "input": {}, "user_id": user})
        agents.append(last(events, "routed").fields["agent"])
    await wire.close()
    return agents


async def place_of(url: str, task_id: str) -> int:
    wire = await Wire.open(url)
    seq = (await wire.stored(task_id))[0].seq
    await wire.close()
    return seq


def tried(
    server: NatsServer,
    directory: Path,
    app: Path = THEN,
    *,
    since: LogPlace | None = None,
    until: LogPlace | None = None,
) -> Backtest:
    config = Config.build(directory=directory, nats_url=server.url, app=str(app))
    return backtest(config, since=since, until=until)


def test_the_agents_of_then_decide_as_then(server: NatsServer, tmp_path: Path) -> None:
    found = tried(server, tmp_path)
    assert (found.submissions, found.agreement, found.changes) == (6, 100, [])
    assert found.confusion == {"meetings": {"meetings": 5}, "plain": {"plain": 1}}


@pytest.mark.parametrize(("name", "count"), [("under", 4), ("after", 2)])
def test_a_stretch_begins_with_the_rules_that_were_in_force(
    server: NatsServer, tmp_path: Path, name: str, count: int
) -> None:
    since = asyncio.run(place_of(server.url, f"{name}-ada"))
    found = tried(server, tmp_path, since=since)
    assert (found.submissions, found.agreement) == (count, 100)
    alone = tried(server, tmp_path, since=since, until=since + 2)
    assert (alone.submissions, alone.agreement) == (1, 100)


def test_times_do_as_well(server: NatsServer, tmp_path: Path) -> None:
    found = tried(server, tmp_path, since=datetime(2000, 1, 1, tzinfo=UTC))
    assert (found.submissions, found.agreement) == (6, 100)


def test_a_candidate_without_the_agent_decides_otherwise(server: NatsServer, tmp_path: Path) -> None:
    candidate = tmp_path / "candidate.py"
    candidate.write_text(THEN.read_text(encoding="utf-8").replace('"plain"', '"other"'), encoding="utf-8")
    (change,) = tried(server, tmp_path, candidate).changes
    assert (change.id, change.then.agent, change.now.agent) == ("under-ada", "plain", "meetings")
    assert change.then.reason == f"learned rule {RULE.id} of 'ada': {RULE.text}"
