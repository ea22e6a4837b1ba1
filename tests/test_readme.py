"""What the README tells people to type is what callboard takes."""

import ast
import re
import shlex
from pathlib import Path

import pytest

from callboard.actors.loading import load
from callboard.cli.main import build
from tests.support.source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    callboard (.*)$", README, re.MULTILINE)
LINKS = re.findall(r"\]\(([^)#]+)\)", README)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_is_one_that_callboard_takes(command: str) -> None:
    build().parse_args(shlex.split(command, comments=True), exit_on_error=False, print_error=False)


@pytest.mark.parametrize("link", [link for link in LINKS if "://" not in link])
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_every_piece_of_python_is_python(code: str) -> None:
    compile(code, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_examples_agents_load() -> None:
    names = [agent.name for agent in load(str(Path(ROOT) / "examples" / "my_agents.py"))]

    assert names == ["billing", "refunds", "shouting", "concierge"]
