"""The page about patterns has their columns and bounds, and its example is answered as it shows."""

import json
import re
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from callboard.projections import (
    anomalies,
    find_entities,
    find_patterns,
    find_task_patterns,
    pattern_actions,
    pattern_entities,
    pattern_names,
    patterns,
)
from callboard.projections.request_entry import MAX_ENTITIES, MAX_NAME
from callboard.requests import MAX_PATTERNS
from tests.support.counted_lines import STORED, counted, line
from tests.support.desk import serving
from tests.support.nats_server import NatsServer
from tests.support.task_story import RUNNING, completed
from tests.support.views import rows

PAGE = (Path(__file__).parent.parent / "docs" / "patterns.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
[(REQUEST, ANSWER)] = re.findall(
    r"nats request callboard\.query\.patterns '([^']*)'\n\n```json\n(.*?)```", PAGE, re.DOTALL
)
[PAST] = re.findall(r"nats request callboard\.query\.patterns '([^']*)'\n\ncounts", PAGE)
LINES = (
    line(),
    line(status=500, response_ms=20),
    line(action="book", response_ms=30, intent="travel", entities={"city": "Bern"}),
    line("bob"),
    b"no line",
)


def words(table: str) -> set[str]:
    [section] = [part for part in PAGE.split("\n### ") if f"`{table}`" in part.split("\n")[0]]
    return set(re.findall(r"`([a-z_]+)`", section))


@pytest.mark.parametrize("table", patterns.PATTERNS.tables)
def test_every_column_is_described(tmp_path: Path, table: str) -> None:
    path = counted(tmp_path / "views", [])
    columns = {name for (name,) in rows(path, "SELECT name FROM pragma_table_info(?)", table)}
    assert columns
    assert columns <= words(table) | {"id"}


async def test_the_example_is_answered_as_it_shows(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        submitted, *rest = RUNNING
        desk.store(msgspec.structs.replace(submitted, user_id="ada"), *rest, completed())
        as_of_seq = desk.count(*LINES)
        request = json.loads(REQUEST)
        assert await desk.ask("query.patterns", request | {"min_seq": as_of_seq}) == json.loads(ANSWER)


async def test_the_past_is_asked_about_as_it_shows(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.count(*LINES, line("eve", at=STORED - timedelta(days=1)))
        code, body = await desk.refused("query.patterns", json.loads(PAST))
        assert (code, body["detail"]) == ("400", "expected no as_of: this service keeps no past")


async def test_everybody_is_asked_about_with_an_empty_body(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.count(*LINES)
        answer = await desk.ask("query.patterns")
        assert [(user["user_id"], user["count"]) for user in answer["users"]] == [("ada", 3), ("bob", 1)]


@pytest.mark.parametrize(
    "field", [{"since": "2026-03-01T09:00:00"}, {"timezone": "Mars"}, {"limit": MAX_PATTERNS + 1}, {"user": "ada"}]
)
async def test_what_is_out_of_range_is_refused(
    nats_server: NatsServer, tmp_path: Path, field: dict[str, object]
) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        code, body = await desk.refused("query.patterns", field)
        assert (code, body["field"]) == ("400", *field)


def test_the_bounds_are_those_in_force() -> None:
    assert f"cut to {MAX_NAME} characters" in TEXT
    assert f"The first {pattern_actions.MAX_NAMED:,} names of actions and tools" in TEXT
    assert f"the first {pattern_actions.MAX_PATHS:,} of endpoints" in TEXT
    assert f"the first {pattern_names.MAX_NAMES:,} intents" in TEXT
    assert f"Of one line {MAX_ENTITIES} entities count" in TEXT
    assert f"{pattern_entities.KEPT} values are kept for a user within a period of {patterns.PERIOD} days" in TEXT
    assert f"and {pattern_entities.KEPT_OF_ALL} for all users together; of up to {pattern_entities.MAX_NAMES}" in TEXT
    assert f"1-{MAX_PATTERNS}, 20" in TEXT
    assert f"the newest {find_task_patterns.MAX_TASKS:,} tasks" in TEXT
    assert (find_patterns.USER_ACTIONS, find_entities.ENTITIES) == (5, 10)


def test_the_rule_of_anomalies_is_the_one_in_force() -> None:
    assert f"up to {anomalies.PAST_DAYS} days before it" in TEXT
    assert f"known for {anomalies.MIN_PAST_DAYS} of them" in TEXT
    assert f"below {anomalies.LEVEL:g}" in TEXT
    assert f"less than 1 in {round(1 / anomalies.LEVEL):,} users a day" in TEXT
