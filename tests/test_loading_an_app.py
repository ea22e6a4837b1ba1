"""Importing the file or module that a user names, and collecting its agents."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard.actors.agents import Agent
from callboard.actors.loading import AppError, load

AGENTS = """
from __future__ import annotations
import msgspec
from callboard.actors.agents import Task, specialist

class Refund(msgspec.Struct):
    invoice: str

@specialist("billing")
async def billing(refund: Refund, ctx): ...

@specialist("support", fallback=True)
def support(task: Task): ...

also_support = support
"""


@pytest.fixture(autouse=True)
def imports_as_before() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def write(path: Path, text: str = AGENTS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def names(agents: list[Agent]) -> list[str]:
    return [agent.name for agent in agents]


def test_a_file_gives_its_agents_in_order_and_each_once(tmp_path: Path) -> None:
    agents = load(str(write(tmp_path / "my_agents.py")))
    assert names(agents) == ["billing", "support"]
    assert agents[0].input_type is not None
    assert agents[0].input_type.__name__ == "Refund"


def test_a_relative_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "my_agents.py")
    assert names(load("my_agents.py")) == ["billing", "support"]


def test_a_module_of_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "shop" / "__init__.py", "")
    write(tmp_path / "shop" / "agents.py")
    assert names(load("shop.agents")) == ["billing", "support"]


def test_a_file_may_import_its_neighbours_and_show_their_agents(tmp_path: Path) -> None:
    write(tmp_path / "neighbour.py")
    app = write(tmp_path / "app.py", "from neighbour import billing, support")
    assert names(load(str(app))) == ["billing", "support"]


def test_a_file_named_like_a_module_replaces_nothing(tmp_path: Path) -> None:
    load(str(write(tmp_path / "json.py")))
    assert sys.modules["json"].__file__ != str(tmp_path / "json.py")


def test_two_files_of_one_name_are_two_apps(tmp_path: Path) -> None:
    first = load(str(write(tmp_path / "a" / "app.py")))
    second = load(str(write(tmp_path / "b" / "app.py")))
    assert first[0].handler.__globals__ is not second[0].handler.__globals__


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nowhere_at_all", r"cannot import app .*app.py: ModuleNotFoundError: .*nowhere_at_all.*app.py, line 1"),
        ("\n\nraise ValueError('no key')", r"ValueError: no key \(.*app.py, line 3\)"),
        ("def broken(:\n  pass", r"SyntaxError: .*app.py, line 1"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = 1", r'found no agents in .*app.py: decorate a function in it with @specialist\("name"\)'),
        (AGENTS + "billing2 = specialist('billing')(support.handler)", "name of its own, got 'billing' twice"),
        (AGENTS + "x = specialist('x', fallback=True)(support.handler)", "one fallback agent in .*support, x"),
        ("from callboard.actors.agents import specialist\nspecialist('a.b')(print)", "name to match.*app.py, line 2"),
    ],
)
def test_an_app_that_cannot_be_used_says_which_and_why(tmp_path: Path, text: str, message: str) -> None:
    app = write(tmp_path / "app.py", text)
    with pytest.raises(AppError, match=message):
        load(str(app))
    assert "callboard_app_app" not in sys.modules or "cannot import" not in message


@pytest.mark.parametrize("app", ["nowhere.py", "some/where", "./x.py", "tests/", ".", ".."])
def test_a_file_that_is_not_there(app: str) -> None:
    with pytest.raises(
        AppError, match=r"expected app to be a Python file or a module, such as .*, got .*: (no such file|a directory)"
    ):
        load(app)


@pytest.mark.parametrize("app", ["nowhere_at_all", "nowhere.at.all", "json.nowhere"])
def test_a_module_that_is_not_there(app: str) -> None:
    with pytest.raises(AppError, match=r"cannot find the module '.*': check the name"):
        load(app)


@pytest.mark.parametrize("app", ["", ".x", "a b", "x..y"])
def test_a_name_that_is_no_module_is_an_error_and_no_traceback(app: str) -> None:
    with pytest.raises(AppError):
        load(app)


def test_a_module_whose_own_import_is_missing_names_that_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "shop2.py", "import missing_dependency")
    with pytest.raises(AppError, match=r"cannot import app shop2: ModuleNotFoundError: .*missing_dependency"):
        load("shop2")
