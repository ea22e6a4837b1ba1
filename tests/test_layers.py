"""events <- actors, projections <- the modules at the top <- cli: nothing imports upward or sideways."""

from pathlib import Path

import pytest

from tests.support.source import PACKAGE, imported, modules, shown

FOLDERS = ("events", "actors", "projections", "cli")
MAY_IMPORT = {
    "events": {"events"},
    "actors": {"events", "actors"},
    "projections": {"events", "projections"},
    "top": {"events", "actors", "projections", "top"},
    "cli": {"events", "actors", "projections", "top", "cli"},
}
COMMAND_LINE_STARTERS = {"callboard/__main__.py"}


def layer(name: str) -> str:
    return name if name in FOLDERS else "top"


def layer_of(path: Path) -> str:
    return layer(path.relative_to(PACKAGE).parts[0])


@pytest.mark.parametrize("path", modules(), ids=shown)
def test_a_module_imports_only_from_its_own_layer_and_those_below(path: Path) -> None:
    own = "cli" if shown(path) in COMMAND_LINE_STARTERS else layer_of(path)
    ours = [name.split(".") for name in imported(path) if name.split(".")[0] == "callboard"]
    upward = [".".join(parts) for parts in ours if layer([*parts, "", ""][1]) not in MAY_IMPORT[own]]
    assert upward == []


@pytest.mark.parametrize("path", modules("callboard", "tests", "bench", "examples"), ids=shown)
def test_nothing_is_imported_through_the_links_at_the_root(path: Path) -> None:
    assert {name.split(".")[0] for name in imported(path)}.isdisjoint({"actors", "events", "projections"})


def test_the_package_does_not_import_its_tests() -> None:
    assert [shown(path) for path in modules() if any(name.startswith("tests") for name in imported(path))] == []
