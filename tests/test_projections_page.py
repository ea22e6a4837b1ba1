"""The page about views has their columns, and its examples have the fields that the service answers with."""

import json
import re
from pathlib import Path

import pytest

from tests.support.desk import serving
from tests.support.nats_server import NatsServer
from tests.support.task_story import RUNNING, completed
from tests.support.views import holding, rows

PAGE = (Path(__file__).parent.parent / "docs" / "projections.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"nats request callboard\.(\S+) '([^'\n]*)'\n\n```json\n(.*?)```", PAGE, re.DOTALL)


def words(heading: str) -> set[str]:
    section = re.split(r"\n##+ ", PAGE.split(f"\n### {heading}\n", 1)[1])[0]
    return set(re.findall(r"`([a-z_]+)`", section))


@pytest.mark.parametrize(
    ("table", "heading"),
    [
        ("tasks", "`tasks`"),
        ("task_deliveries", "`task_deliveries`"),
        ("agent_log", "`agent_log`"),
        ("heartbeats", "`heartbeats`"),
        ("positions", "`positions` and `stream`"),
        ("stream", "`positions` and `stream`"),
    ],
)
def test_every_column_is_described(tmp_path: Path, table: str, heading: str) -> None:
    path = holding(tmp_path / "views", [])
    columns = {name for (name,) in rows(path, "SELECT name FROM pragma_table_info(?)", table)}
    assert columns
    assert columns <= words(heading) | {"n"}


def test_every_query_has_an_example() -> None:
    assert [name for name, _, _ in EXAMPLES] == [
        f"query.{name}" for name in ("task", "tasks", "events", "stats", "agents", "agent_log", "heartbeats")
    ]


@pytest.mark.parametrize(("name", "request_body", "answer"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
async def test_an_example_is_answered_with_the_fields_it_shows(
    nats_server: NatsServer, tmp_path: Path, name: str, request_body: str, answer: str
) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*RUNNING, completed())
        body = json.loads(request_body.replace("invoice-7", "task-1"))
        assert list(await desk.ask(name, body)) == list(json.loads(answer))
