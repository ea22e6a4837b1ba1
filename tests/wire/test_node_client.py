"""A client in another language, with nothing but its NATS libraries: run by Node."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.running import Running

CLIENT = Path(__file__).parent.parent / "node"
TESTS = 9
# No lock file: it would hold the addresses of whichever registry this machine uses.
INSTALL = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
INSTALL_SECONDS = 150
RUN_SECONDS = 120


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """The client with its libraries, in a directory of its own."""
    assert shutil.which("npm"), "expected npm on PATH: install Node 20 or newer, or leave out the tests marked long"
    directory = tmp_path / "client"
    shutil.copytree(CLIENT, directory, ignore=shutil.ignore_patterns("node_modules", "package-lock.json"))
    done = run(INSTALL, directory, INSTALL_SECONDS)
    assert done.returncode == 0, done.stdout
    return directory


def run(command: list[str], directory: Path, seconds: float, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )


@pytest.mark.long
def test_a_node_client_finds_everything_as_the_protocol_says(board: Running, client: Path) -> None:
    report = "--test-reporter=tap"

    done = run(["node", "--test", report], client, RUN_SECONDS, CALLBOARD_NATS_URL=board.url)

    assert done.returncode == 0, done.stdout
    assert f"# pass {TESTS}" in done.stdout
