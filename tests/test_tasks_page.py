"""The examples on the page about tasks are answered as it shows."""

import json
from pathlib import Path

import pytest
from msgspec import Raw, structs

from tests.support.desk import serving
from tests.support.example_queries import Example, examples, shape
from tests.support.log_stretch import named
from tests.support.nats_server import NatsServer
from tests.support.source import ROOT
from tests.support.task_story import (
    FAILED,
    HOOK,
    assigned,
    attempt_failed,
    completed,
    delivered,
    routed,
    started,
    submitted,
)

EXAMPLES = examples((ROOT / "docs" / "tasks.md").read_text(encoding="utf-8"))
FIRST = submitted(user_id="ada", delivery=[HOOK])
DONE = [
    *(FIRST, structs.replace(routed(), entities={}), assigned(), started(), attempt_failed()),
    *(assigned(6, 2), started(7, 2), completed(8, output=Raw(b'{"answer": 42}'))),
    delivered(9, channel="webhook", receipt={"status": 204}),
]


def test_every_query_has_an_example() -> None:
    assert [each.name for each in EXAMPLES] == ["query.task", "query.tasks", "query.events"]


@pytest.mark.parametrize("example", EXAMPLES, ids=[each.name for each in EXAMPLES])
async def test_an_example_is_answered_as_it_shows(nats_server: NatsServer, example: Example, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*named("invoice-7", DONE), *named("refund-8", FAILED))
        found = await desk.ask(example.name, json.loads(example.request))
    assert shape(found) == shape(json.loads(example.answer))
