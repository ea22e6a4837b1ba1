"""The tests here speak the wire protocol as strangers do."""

from collections.abc import Iterator
from pathlib import Path

from tests.support.source import ROOT, imported, modules, shown

# It starts the server for a test that needs one which outlives callboard.
STARTERS = {"tests/support/nats_server.py"}


def of_tests(path: Path) -> Iterator[Path]:
    """Yield every module of the tests that ``path`` imports; a name may be a module or stand in one."""
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "tests":
            both = (ROOT.joinpath(*parts).with_suffix(".py"), ROOT.joinpath(*parts[:-1]).with_suffix(".py"))
            yield from (module for module in both if module.is_file() and shown(module) not in STARTERS)


def test_no_test_of_the_wire_imports_callboard() -> None:
    reached: set[Path] = set()
    waiting = set(modules("tests/wire"))
    while waiting:
        reached |= waiting
        waiting = {module for path in waiting for module in of_tests(path)} - reached

    assert len(reached) > len(modules("tests/wire"))
    guilty = {shown(path) for path in reached if any(name.split(".")[0] == "callboard" for name in imported(path))}
    assert guilty == set()
