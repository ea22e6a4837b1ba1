"""What every file of the project keeps to, beyond what ruff can check."""

import ast
import statistics
from pathlib import Path

import pytest

from tests.support.source import PACKAGE, modules, shown, tree

MAX_LINES = 300
MEDIAN_FUNCTION_LINES = 10
HANGS_SECONDS = 60


def attributes(path: Path) -> set[str]:
    nodes = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)]
    return {f"{node.value.id}.{node.attr}" for node in nodes if isinstance(node.value, ast.Name)}


def seconds(call: ast.Call) -> float | None:
    given = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    return given if isinstance(given, int | float) else None


def pauses(path: Path) -> list[int]:
    """Lines that wait for time to pass; sleep(0) gives way to others, and a handler that hangs never wakes up."""
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    sleeps = [call for call in calls if ast.unparse(call.func).endswith("sleep")]
    return [call.lineno for call in sleeps if seconds(call) != 0 and (seconds(call) or 0) < HANGS_SECONDS]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body and body[-1].end_lineno else 0


@pytest.mark.parametrize("path", modules("callboard", "tests", "bench", "examples"), ids=shown)
def test_a_file_has_fewer_than_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < MAX_LINES


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=shown)
def test_an_init_file_holds_nothing_but_names(path: Path) -> None:
    kinds = {type(node) for node in tree(path).body}
    assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign}


def test_functions_are_short() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for path in modules() for node in ast.walk(tree(path)) if isinstance(node, functions)]
    assert statistics.median(body_lines(node) for node in nodes) < MEDIAN_FUNCTION_LINES


def test_only_the_command_line_reads_the_environment() -> None:
    inner = [path for path in modules() if PACKAGE / "cli" not in path.parents]
    assert [shown(path) for path in inner if attributes(path) & {"os.environ", "os.getenv"}] == []


def test_no_module_is_a_box_for_odds_and_ends() -> None:
    assert [shown(path) for path in modules() if path.stem in {"common", "helpers", "misc", "util", "utils"}] == []


def test_no_test_sleeps() -> None:
    found = {shown(path): pauses(path) for path in modules("tests") if path.name.startswith("test_")}
    assert {name: lines for name, lines in found.items() if lines} == {}
