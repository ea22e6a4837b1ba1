"""The examples on the page about the agent log are answered as it shows."""

import json
from pathlib import Path

import pytest

from tests.support.desk import serving
from tests.support.example_queries import Example, examples, shape
from tests.support.log_stretch import named
from tests.support.nats_server import NatsServer
from tests.support.source import ROOT
from tests.support.task_story import RUNNING, assigned, attempt_failed, completed, started

EXAMPLES = examples((ROOT / "docs" / "agent-log.md").read_text(encoding="utf-8"))
DONE = [*RUNNING, attempt_failed(), assigned(6, 2), started(7, 2), completed(8)]


def test_both_queries_have_an_example() -> None:
    assert [each.name for each in EXAMPLES] == ["query.agents", "query.agent_log"]


@pytest.mark.parametrize("example", EXAMPLES, ids=[each.name for each in EXAMPLES])
async def test_an_example_is_answered_as_it_shows(nats_server: NatsServer, example: Example, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*named("invoice-7", DONE))
        found = await desk.ask(example.name, json.loads(example.request))
    assert shape(found) == shape(json.loads(example.answer))
