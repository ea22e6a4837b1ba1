"""docs/logs.md and the code name the same log events, with the same levels."""

import ast
import re

from tests.support.source import ROOT, modules, tree

LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
NAME = re.compile(r"[a-z][a-z_]*(\.[a-z_]+)+")
ROW = re.compile(r"^\| `(?P<name>[^`]+)` \| (?P<levels>[^|]+) \|", re.MULTILINE)


def logged() -> set[tuple[str, str]]:
    calls = [node for path in modules() for node in ast.walk(tree(path)) if isinstance(node, ast.Call) and node.args]
    found = set()
    for call in calls:
        name = call.args[0].value if isinstance(call.args[0], ast.Constant) else None
        level = LEVELS.get(call.func.attr) if isinstance(call.func, ast.Attribute) else None
        if isinstance(name, str) and level and NAME.fullmatch(name):
            found.add((name, level))
    return found


def documented() -> set[tuple[str, str]]:
    rows = ROW.finditer((ROOT / "docs" / "logs.md").read_text(encoding="utf-8"))
    return {(row["name"], level.strip()) for row in rows for level in row["levels"].split(",")}


def test_every_logged_event_is_in_the_table_and_every_row_is_logged() -> None:
    assert sorted(documented()) == sorted(logged())


def test_no_event_is_listed_twice() -> None:
    names = ROW.findall((ROOT / "docs" / "logs.md").read_text(encoding="utf-8"))
    assert len(names) == len({name for name, _ in names})
