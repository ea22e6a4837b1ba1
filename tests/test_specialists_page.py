"""The limits that docs/specialists.md names are those in force."""

from pathlib import Path

from callboard.actors.agents import MAX_CONCURRENCY
from callboard.actors.isolation.process_running import WORKER_START_FAILED
from callboard.actors.isolation.reports import MAX_UNDER_WAY
from callboard.actors.isolation.worker_process import START_SECONDS, WORKER_DIED
from callboard.actors.isolation.worker_processes import IDLE_SECONDS
from callboard.actors.message import MAX_CHARACTERS
from callboard.actors.reports import UNDER_WAY
from callboard.actors.runner import MAX_OUTPUT_BYTES
from callboard.events.submission import MAX_ATTEMPTS, MAX_DEPTH

PAGE = Path(__file__).parent.parent / "docs" / "specialists.md"


def test_limits_are_those_in_force() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"in one process, 1-{MAX_CONCURRENCY:,} |" in page
    assert f"attempts in all, 1-{MAX_ATTEMPTS:,};" in page
    assert f"JSON nested more than {MAX_DEPTH} deep, or more than {MAX_OUTPUT_BYTES:,} bytes fails the task" in page
    assert f"its text ({MAX_CHARACTERS:,} characters)" in page
    assert f"Once {UNDER_WAY:,} reports of an attempt are under way" in page
    assert f"keeps the first {UNDER_WAY:,} reports" in page


def test_what_is_said_of_worker_processes_is_in_force() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"end after {IDLE_SECONDS:g} seconds without any" in page
    assert f"takes more than {START_SECONDS:g} seconds, fails" in page
    assert f"waits** once {MAX_UNDER_WAY:,} reports are under way" in page
    assert f"`{WORKER_DIED}`, `{WORKER_START_FAILED}`" in page
