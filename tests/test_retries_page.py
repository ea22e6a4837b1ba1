"""The figures that docs/retries.md names are those in force."""

from pathlib import Path

from callboard.actors.backoff import Backoff
from callboard.actors.outcome import MAX_LEAVES
from callboard.actors.user_traceback import MAX_CHARACTERS, MAX_FRAMES
from callboard.actors.waiting_room import MAX_PASSED_OVER
from callboard.company import MIN_PREFETCH
from callboard.config import Config
from callboard.events.submission import PRIORITIES
from callboard.events.task_events import DEFAULT_MAX_ATTEMPTS

PAGE = " ".join((Path(__file__).parent.parent / "docs" / "retries.md").read_text(encoding="utf-8").split())


def test_the_pauses() -> None:
    assert Backoff() == Backoff(1, 2, 300)
    assert "With the defaults (1 second, factor 2, cap 300 seconds) the limits are 1, 2, 4, 8 … seconds" in PAGE
    assert f"up to `max_attempts` attempts ({DEFAULT_MAX_ATTEMPTS};" in PAGE


def test_what_is_recorded() -> None:
    assert f"at most {MAX_FRAMES} frames of each error and {MAX_CHARACTERS:,} characters in all" in PAGE
    assert MAX_LEAVES == 100
    assert "the first hundred of them" in PAGE


def test_the_order() -> None:
    assert ", ".join(f"`{band}`" for band in PRIORITIES) in PAGE
    assert f"When {MAX_PASSED_OVER} tasks of stricter bands have started" in PAGE
    assert f"none waits for more than {MAX_PASSED_OVER + len(PRIORITIES) - 2} starts" in PAGE


def test_the_leases() -> None:
    assert f"{Config().ack_wait_seconds} seconds by default" in PAGE
    assert f"as many waiting ones (at least {MIN_PREFETCH})" in PAGE
