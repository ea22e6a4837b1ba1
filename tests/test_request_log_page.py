"""docs/request-log.md says what is so: its application is served, its line stored, its settings are all there are."""

import json
import re
import shlex
from typing import Any

import httpx
import jwt
import pytest

from callboard.cli.main import build
from callboard.request_log.carrier import BATCH
from callboard.request_log.rendering import MAX_LINE_BYTES
from callboard.request_log.settings import MAX_BODY_BYTES, Settings
from tests.support.fresh_server import left_server
from tests.support.request_lines import request_lines
from tests.support.source import ROOT
from tests.support.waiting import until
from tests.support.web import serving_web

PAGE = (ROOT / "docs" / "request-log.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", PAGE, re.MULTILINE))
url = pytest.fixture(left_server)


def application(url: str) -> Any:
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example.replace("nats://127.0.0.1:4222", url), "request-log.md", "exec"), names)  # noqa: S102 - our own page
    return names["app"]


def test_the_example_makes_the_line_that_is_shown(url: str) -> None:
    [shown] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    token = jwt.encode({"sub": "anna", "exp": 4_000_000_000}, "a secret of 32 characters or more", "HS256")
    with serving_web(application(url)) as web:
        answer = httpx.post(
            f"{web}/chat?lang=en",
            json={"text": "my invoice", "email": "anna@example.com"},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.json() == {"answer": "about my invoice: it is paid"}
        until(lambda: request_lines(url), "the line is stored")

    [line] = request_lines(url)
    differs = ("at", "response_ms")
    wanted = json.loads(shown)
    assert line.keys() == wanted.keys()
    assert {name: line[name] for name in line if name not in differs} == {
        name: wanted[name] for name in wanted if name not in differs
    }


def test_the_table_has_every_setting_with_its_default() -> None:
    defaults = dict(zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True))
    assert list(ROWS) == list(defaults)
    for name, default in defaults.items():
        if isinstance(default, str | int | float):
            text = f"{default:g}" if isinstance(default, float) else str(default)
            assert ROWS[name].strip("`").lower() == text.lower()


def test_the_limits_are_those_in_force() -> None:
    assert f"up to {MAX_BODY_BYTES}" in TEXT
    assert f"batch of up to {BATCH} is" in TEXT
    assert f"at most {MAX_LINE_BYTES // 1024} KiB" in TEXT


@pytest.mark.parametrize("command", re.findall(r"^    callboard (.*)$", PAGE, re.MULTILINE))
def test_every_command_line_is_one_that_callboard_takes(command: str) -> None:
    build().parse_args(shlex.split(command), exit_on_error=False, print_error=False)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", PAGE))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link).exists()
