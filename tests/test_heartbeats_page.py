"""The example on the page about heartbeats is answered as it shows."""

import json
from pathlib import Path

from callboard.events.heartbeat import parse
from tests.support.desk import serving
from tests.support.example_queries import examples, shape
from tests.support.heartbeat_story import commands, fired
from tests.support.nats_server import NatsServer
from tests.support.source import ROOT
from tests.support.task_story import START

EXAMPLES = examples((ROOT / "docs" / "heartbeats.md").read_text(encoding="utf-8"))
REPORT = parse(b'{"agent": "mail", "input": {"to": "ada"}, "cron": "0 9 * * MON-FRI", "timezone": "Europe/Berlin"}')


async def test_the_example_is_answered_as_it_shows(nats_server: NatsServer, tmp_path: Path) -> None:
    (example,) = EXAMPLES
    assert example.name == "query.heartbeats"
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*commands("report", REPORT), *fired("report", START))
        found = await desk.ask(example.name, json.loads(example.request))
    assert shape(found) == shape(json.loads(example.answer))
