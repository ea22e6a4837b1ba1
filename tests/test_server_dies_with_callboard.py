"""No nats-server is left behind, and none goes before callboard has finished."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard.server import Server
from tests.support.processes import alive, python
from tests.support.source import ROOT
from tests.support.waiting import until

RUN = """
import signal, sys, threading
from pathlib import Path
from callboard.server import Server

interrupted = threading.Event()
signal.signal(signal.SIGINT, lambda *_: interrupted.set())
server = Server(Path(sys.argv[1]))
starter = threading.Thread(target=server.start)
starter.start()
starter.join()
print(server.pid)
interrupted.wait()
print("interrupted")
sys.stdin.readline()
print("running" if server.running else "gone")
server.stop()
"""
IN_A_TERMINAL = """
import os, sys
os.setsid()
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
exec(sys.argv.pop(1))
"""

Running = tuple[subprocess.Popen[str], int]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    process = python(RUN, str(tmp_path), new_group=True)
    assert process.stdout is not None
    yield process, int(process.stdout.readline())
    process.kill()
    process.communicate()


def test_the_server_goes_when_callboard_alone_is_killed(running: Running) -> None:
    process, server = running
    process.kill()
    until(lambda: not alive(server), "the server is gone")


def test_the_server_goes_when_the_whole_process_group_is_killed(running: Running, tmp_path: Path) -> None:
    process, server = running
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    again = Server(tmp_path)
    again.start()
    assert not alive(server)
    again.stop()


def test_the_server_outlives_the_thread_that_started_it(running: Running) -> None:
    process, server = running
    assert alive(server)
    assert process.poll() is None


def test_the_lock_is_held_until_a_suspended_server_is_gone(running: Running, tmp_path: Path) -> None:
    process, server = running
    os.kill(server, signal.SIGSTOP)
    process.kill()
    again = Server(tmp_path)
    again.start()
    assert not alive(server)
    again.stop()


def test_ctrl_c_in_a_terminal_leaves_the_server_to_callboard(tmp_path: Path) -> None:
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, RUN, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=terminal,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    server = int(process.stdout.readline())
    os.write(keyboard, b"\x03")
    assert process.stdout.readline() == "interrupted\n"
    os.write(keyboard, b"\n")
    assert process.stdout.readline() == "running\n"
    assert process.wait() == 0
    assert not alive(server)
    process.stdout.close()
    os.close(keyboard)
    os.close(terminal)
