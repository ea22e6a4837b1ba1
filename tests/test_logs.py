"""What reaches standard error: one line an event, JSON or for people, with no way to forge a line."""

import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest

from tests.support.source import ROOT

PROGRAM = """
import logging, sys
from datetime import UTC, datetime
import structlog
from callboard.logs import configure

configure(sys.stderr, sys.argv[1], sys.argv[2])
log = structlog.get_logger()
log.debug("task.seen", task_id="a")
log.warning("task.odd", text="one\\ntwo\\x1b[31m\\u2028three", thing=object())
log.info("task.timed", at=datetime(2026, 3, 1, 9, tzinfo=UTC)) if sys.argv[1] == "debug" else None
log.info("forged\\nerror: all is lost")
logging.getLogger("some.library").warning("from %s", "afar\\nand near")
logging.getLogger("httpx").info("GET https://example.org/bot-secret/send")
logging.getLogger("httpcore").info("secret")
password = "sesame"
try:
    raise ValueError("bad\\x1b]0;title")
except ValueError:
    log.exception("task.broke")
    logging.getLogger("some.library").exception("broke")
"""


def written(level: str = "info", style: str = "auto") -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, level, style], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return done.stderr


def entries(**options: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(**options).splitlines()]


def test_away_from_a_terminal_every_line_is_a_json_object() -> None:
    events = [(entry["event"], entry["level"]) for entry in entries()]
    assert events == [
        ("task.odd", "warning"),
        ("forged\nerror: all is lost", "info"),
        ("from afar\nand near", "warning"),
        ("task.broke", "error"),
        ("broke", "error"),
    ]


def test_times_are_utc_and_libraries_are_named() -> None:
    found = entries()
    assert all(entry["timestamp"].endswith("Z") for entry in found)
    assert [entry.get("logger") for entry in found] == [None, None, "some.library", None, "some.library"]


def test_a_time_is_written_as_the_time_of_the_line_is() -> None:
    (found,) = (entry for entry in entries(level="debug") if entry["event"] == "task.timed")
    assert found["at"] == "2026-03-01T09:00:00Z"


def test_values_are_kept_as_they_are_in_json() -> None:
    odd = entries()[0]
    assert odd["text"] == "one\ntwo\x1b[31m\u2028three"
    assert odd["thing"].startswith("<object object")


@pytest.mark.parametrize(("level", "count"), [("debug", 7), ("info", 5), ("warning", 4), ("error", 2)])
def test_what_is_below_the_level_is_left_out(level: str, count: int) -> None:
    assert len([entry for entry in entries(level=level) if entry.get("logger") != "asyncio"]) == count


@pytest.mark.parametrize("style", ["json", "console"])
def test_urls_of_http_clients_and_the_values_of_variables_stay_out(style: str) -> None:
    text = written(style=style)
    assert "secret" not in text
    assert "sesame" not in text
    assert "ValueError" in text


def test_for_people_no_logged_text_makes_a_line_or_steers_the_terminal() -> None:
    text = written(style="console")
    assert "\x1b" not in text
    assert "one\\ntwo\\x1b[31m\\u2028three" in text
    assert not any(line.startswith(("error:", "and near")) for line in text.splitlines())


def test_a_terminal_gets_lines_for_people() -> None:
    reading, terminal = pty.openpty()
    subprocess.run([sys.executable, "-c", PROGRAM, "error", "auto"], cwd=ROOT, stderr=terminal, check=True)
    os.close(terminal)
    text = os.read(reading, 65_536).decode()
    os.close(reading)
    assert "task.broke" in text
    assert not text.startswith("{")


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    with open("/dev/full", "w", encoding="ascii") as full:  # noqa: PTH123 -- a device
        subprocess.run([sys.executable, "-c", PROGRAM, "info", "json"], cwd=ROOT, stderr=full, check=True)
