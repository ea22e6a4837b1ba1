"""`import callboard` gives the names it promises, and imports the rest when somebody asks for them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import callboard


def test_every_name_is_where_the_stub_says() -> None:
    stub = Path(callboard.__file__).with_name("__init__.pyi").read_text(encoding="utf-8")
    imports = [node for node in ast.parse(stub).body if isinstance(node, ast.ImportFrom)]
    homes = {each.name: str(node.module) for node in imports for each in node.names}
    assert homes.keys() == set(callboard.__all__)
    for name, home in homes.items():
        assert getattr(callboard, name) is getattr(sys.modules[home], name)


def test_any_other_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'callboard' has no attribute 'Boss'"):
        callboard.Boss  # type: ignore[attr-defined] # noqa: B018


def test_the_package_alone_imports_nothing_of_others() -> None:
    code = "import sys, callboard; print({'nats', 'msgspec', 'pykka', 'eventsourcing'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"set()\n"
