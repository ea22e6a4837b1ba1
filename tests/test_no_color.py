"""NO_COLOR: a terminal gets no colours, neither from commands nor from logs."""

import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import command, environment

COLOR = re.compile(rb"\x1b\[(\d+;)*(3[0-7]|9[0-7])(;\d+)*m")
FAILING = ("stats", "--nats", "nats://127.0.0.1:1")


def on_a_terminal(*arguments: str, until: bytes, env: dict[str, str]) -> bytes:
    """Run a command whose standard error is a terminal, and stop it once it has written ``until``."""
    reading, terminal = pty.openpty()
    with subprocess.Popen(
        command(*arguments), stdout=subprocess.DEVNULL, stderr=terminal, env=environment({"TERM": "xterm", **env})
    ) as ran:
        os.close(terminal)
        text = b""
        while until not in text:
            text += os.read(reading, 65_536)
        ran.send_signal(signal.SIGTERM)
        os.close(reading)
    return text


@pytest.mark.parametrize(("env", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_what_a_command_says(env: dict[str, str], *, colored: bool) -> None:
    assert bool(COLOR.search(on_a_terminal(*FAILING, until=b"callboard up", env=env))) is colored


@pytest.mark.parametrize(("env", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_what_is_logged(tmp_path: Path, env: dict[str, str], *, colored: bool) -> None:
    text = on_a_terminal("up", "--dir", str(tmp_path / "data"), "--port", "0", until=b"app.ready", env=env)
    assert bool(COLOR.search(text)) is colored
