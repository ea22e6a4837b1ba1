"""`callboard demo`, as `make demo` runs it."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import callboard, command, environment


def test_the_demo_shows_the_whole_path_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ran = callboard("demo", env={"TMPDIR": str(tmp_path)})

    assert ran.code == 0, ran.out + ran.err
    assert ran.err == ""
    assert "Views and replay agree." in ran.out
    assert "6 webhooks came in" in ran.out
    for word in ("routed", "explicit", "fallback", "attempt_failed", "delivered", "cancelled", "dead letter 1"):
        assert word in ran.out
    assert list(tmp_path.iterdir()) == []


def test_the_demo_as_json_is_an_event_a_line_and_the_verdict() -> None:
    ran = callboard("demo", "--json")
    *events, verdict = ran.lines

    assert (ran.code, verdict["differences"]) == (0, [])
    assert (events[0]["event"], events[0]["version"]) == ("submitted", 1)
    assert len({event["task_id"] for event in events}) == 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    demo = subprocess.Popen(
        command("demo"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment({"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}),
    )
    assert demo.stdout is not None
    assert demo.stdout.readline().startswith("callboard runs on nats://")

    demo.send_signal(number)
    _, errors = demo.communicate(timeout=60)

    assert (demo.returncode, errors) == (130, "")
    assert list(tmp_path.iterdir()) == []
