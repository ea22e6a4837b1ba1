"""Ctrl-C and SIGTERM before a command has begun its work."""

from pathlib import Path

import pytest

from tests.support.command_line import callboard

CTRL_C = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
TOLD_TO_STOP = """
import os, signal
from callboard import specialist
os.kill(os.getpid(), signal.SIGTERM)

@specialist("late")
def late(task): ...
"""


@pytest.mark.parametrize("name", ["cyclopts", "rich", "msgspec", "nats", "eventsourcing"])
@pytest.mark.parametrize("command", ["stats", "up"])
def test_ctrl_c_while_it_is_imported_is_no_error(tmp_path: Path, name: str, command: str) -> None:
    (tmp_path / f"{name}.py").write_text(CTRL_C, encoding="utf-8")

    ran = callboard(command, env={"PYTHONPATH": str(tmp_path)})

    assert (ran.code, ran.out, ran.err) == (130, "", "")


def test_told_to_stop_while_it_starts_it_is_never_ready_and_ends_with_0(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(TOLD_TO_STOP, encoding="utf-8")

    ran = callboard("up", "--dir", str(tmp_path / "data"), "--port", "0", "--app", str(app))

    assert (ran.code, ran.out) == (0, "")
    assert "process.signal" in ran.err
    assert "app.stopped" in ran.err
