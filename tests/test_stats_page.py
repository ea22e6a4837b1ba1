"""The page about stats has their columns, limits and command lines, and its examples are answered as it shows."""

import json
import re
import shlex
from pathlib import Path

import pytest
from msgspec import structs

from callboard.cli.main import build
from callboard.projections.error_tallies import MAX_MESSAGE, MAX_TYPE
from callboard.projections.find_activity import MAX_PERIODS
from callboard.projections.find_errors import MAX_ERRORS
from callboard.projections.sketch import GAMMA
from callboard.projections.task_stats import MAX_WALK
from tests.support.desk import serving
from tests.support.example_queries import examples, shape
from tests.support.log_stretch import named
from tests.support.nats_server import NatsServer
from tests.support.task_story import RUNNING, assigned, attempt_failed, completed, started
from tests.support.views import holding, rows

PAGE = (Path(__file__).parent.parent / "docs" / "stats.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
EXAMPLES = examples(PAGE)
COMMANDS = re.findall(r"^    callboard (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("table", ["activity", "periods", "cohorts", "error_tallies"])
def test_every_column_is_described(tmp_path: Path, table: str) -> None:
    path = holding(tmp_path / "views", [])
    section = re.split(r"\n##+ ", PAGE.split(f"\n### `{table}`\n", 1)[1])[0]
    columns = {name for (name,) in rows(path, "SELECT name FROM pragma_table_info(?)", table)}
    assert columns
    assert columns <= set(re.findall(r"`([a-z_]+)`", section))


def test_both_queries_have_an_example() -> None:
    assert [name for name, _, _ in EXAMPLES] == ["query.stats", "query.activity"]


@pytest.mark.parametrize(("name", "request_body", "answer"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
async def test_an_example_is_answered_with_the_fields_it_shows(
    nats_server: NatsServer, tmp_path: Path, name: str, request_body: str, answer: str
) -> None:
    first = structs.replace(RUNNING[0], kind="invoice")
    again = [attempt_failed(5), assigned(6, 2), started(7, 2), completed(8)]
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*named("invoice-7", [first, *RUNNING[1:], *again]))
        found = await desk.ask(name, json.loads(request_body))
    assert shape(found) == shape(json.loads(answer))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_is_one_that_callboard_takes(command: str) -> None:
    build().parse_args(shlex.split(command), exit_on_error=False, print_error=False)


def test_the_limits_are_those_in_force() -> None:
    assert f"More than {MAX_PERIODS:,} periods" in TEXT
    assert f"up to {MAX_ERRORS} types" in TEXT
    assert f"Of a type {MAX_TYPE} characters are kept here, of a message {MAX_MESSAGE}" in TEXT
    assert f"more than {MAX_WALK:,} tasks took the same time within 1 %" in TEXT
    assert f"above {GAMMA}^(i-1) and not above {GAMMA}^i microseconds" in TEXT
