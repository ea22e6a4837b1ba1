"""The sample of docs/specialists.md that uses the rules of a user, and the example in docs/routing.md, are so."""

import asyncio
import re
from pathlib import Path
from typing import Any

from callboard import Context, Task
from callboard.actors.loading import load
from callboard.app import App
from callboard.config import Config
from tests.support.nats_server import NatsServer
from tests.support.rulings import learned, rulings
from tests.support.source import ROOT
from tests.support.wire import Wire
from tests.support.wire_event import last

PAGE = (ROOT / "docs" / "specialists.md").read_text(encoding="utf-8")
_, SECTION = PAGE.split("## Rules of the user")
SAMPLE, UNIT_TEST = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)[:2]
INPUT, OUTPUT = {"with": "eve"}, {"minutes": 30, "time": "15:00", "with": "eve"}


def app(directory: Path) -> str:
    path = directory / "meetings.py"
    path.write_text(f"from callboard import Context, Task, specialist\n\n\n{SAMPLE}", encoding="utf-8")
    return str(path)


async def output(url: str) -> Any:
    wire = await Wire.open(url)
    events = await wire.run({"kind": "meeting", "input": INPUT, "user_id": "ada"})
    await wire.close()
    return last(events, "completed").fields["output"]


def test_the_sample_fills_in_what_a_rule_says(fresh_nats_server: NatsServer, tmp_path: Path) -> None:
    config = Config.build(directory=tmp_path / "board", nats_url=fresh_nats_server.url)
    for rule, wanted in ((None, {"minutes": 30, **INPUT}), (learned("time", "15:00", intent="meeting"), OUTPUT)):
        if rule is not None:
            with rulings(fresh_nats_server.url) as people:
                people.accept("ada", rule)
        board = App(config, load(app(tmp_path)))
        board.start()
        try:
            assert asyncio.run(output(fresh_nats_server.url)) == wanted
        finally:
            board.stop()


def test_the_page_says_what_comes_out() -> None:
    assert '`{"with": "eve"}` comes to `{"minutes": 30, "time": "15:00", "with": "eve"}`' in SECTION


def test_its_unit_test_passes(tmp_path: Path) -> None:
    (agent,) = load(app(tmp_path))
    exec(UNIT_TEST, {"asyncio": asyncio, "Context": Context, "Task": Task, "meetings": agent})  # noqa: S102


def test_the_rule_of_the_example_has_the_id_that_it_is_shown_with() -> None:
    page = " ".join((ROOT / "docs" / "routing.md").read_text(encoding="utf-8").split())
    rule = learned("agent", "billing")
    assert f"`learned rule {rule.id} of 'ada': {rule.text}`" in page
