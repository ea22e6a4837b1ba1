"""The page about what users wanted lately has its tables, its bound, and the command that shows a line."""

import re
import shlex
from pathlib import Path

import pytest

from callboard.cli.main import build
from callboard.projections.meant import KEPT, MEANT
from tests.support.counted_lines import counted
from tests.support.source import ROOT
from tests.support.views import rows

PAGE = (ROOT / "docs" / "meant.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", MEANT.tables)
def test_every_column_is_described(tmp_path: Path, table: str) -> None:
    path = counted(tmp_path / "views", [])
    columns = {name for (name,) in rows(path, "SELECT name FROM pragma_table_info(?)", table)}
    section = PAGE.split(f"### `{table}`\n", 1)[1].split("\n### ")[0]
    assert columns
    assert columns <= set(re.findall(r"`(\w+)`", section))


def test_the_bound_is_the_one_in_force() -> None:
    assert f"the newest {KEPT:,} lines are kept" in " ".join(PAGE.split())


def test_the_command_is_one_that_callboard_takes() -> None:
    [command] = re.findall(r"`callboard (requests [^`]*)`", PAGE)
    build().parse_args(shlex.split(command.replace("SEQ", "7")), exit_on_error=False, print_error=False)


def test_every_link_leads_somewhere() -> None:
    assert all((ROOT / "docs" / link).exists() for link in re.findall(r"\]\(([^)#]+)", PAGE))
