"""The page about views has every projection with a page and its tables, and all tables and queries have theirs."""

import re
from pathlib import Path

import pytest

from callboard.projections.catalog import PROJECTIONS
from callboard.questions.catalog import QUESTIONS
from tests.support.example_queries import examples
from tests.support.source import ROOT
from tests.support.views import holding, rows

DOCS = ROOT / "docs"
PAGE = (DOCS / "projections.md").read_text(encoding="utf-8")
LINES = {name: line for line, name in re.findall(r"^(\| \[`(\w+)`\]\([\w.#-]+\) \|.*)$", PAGE, re.MULTILINE)}
TABLES = {
    "tasks": "tasks.md",
    "task_deliveries": "tasks.md",
    "agent_log": "agent-log.md",
    "heartbeats": "heartbeats.md",
}
PAGES = ("tasks", "agent-log", "heartbeats", "sessions", "rules", "stats", "patterns", "user-context")


def test_every_projection_has_a_page_and_is_listed_with_its_tables() -> None:
    assert list(LINES) == [each.name for each in PROJECTIONS]
    for projection in PROJECTIONS:
        assert set(projection.tables) <= set(re.findall(r"`(\w+)`", LINES[projection.name]))


def words(page: str, heading: str) -> set[str]:
    section = re.split(r"\n##+ ", page.split(f"\n### {heading}\n", 1)[1])[0]
    return set(re.findall(r"`([a-z_]+)`", section))


@pytest.mark.parametrize("table", [*TABLES, "positions", "stream"])
def test_every_column_is_described(tmp_path: Path, table: str) -> None:
    path = holding(tmp_path / "views", [])
    columns = {name for (name,) in rows(path, "SELECT name FROM pragma_table_info(?)", table)}
    assert columns
    if table in TABLES:
        assert columns <= words((DOCS / TABLES[table]).read_text(encoding="utf-8"), f"`{table}`") | {"n"}
    else:
        assert columns <= words(PAGE, "`positions` and `stream`")


def test_every_query_has_an_example_on_one_of_their_pages() -> None:
    shown = {each.name for page in PAGES for each in examples((DOCS / f"{page}.md").read_text(encoding="utf-8"))}
    assert {f"query.{name}" for name in QUESTIONS} <= shown
