"""Fixtures of callboards that run, for modules that ask them from the command line.

board = board_for_module()          # one for all tests of a module
board = board_for_test(APP, "--…")  # one for each test; what follows the app goes to `callboard up`
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callboard.client import Client
from tests.support.command_line import Ran, callboard
from tests.support.running import Running

CLI_AGENTS = Path(__file__).parents[1] / "data" / "cli_agents.py"


def board_for_module(app: Path = CLI_AGENTS, *options: str) -> Any:
    """Return a fixture: a callboard with the agents of ``app`` for all tests of a module."""

    @pytest.fixture(scope="module")
    def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
        with _up(tmp_path_factory.mktemp("board"), app, *options) as running:
            yield running

    return board


def board_for_test(app: Path = CLI_AGENTS, *options: str) -> Any:
    """Return a fixture: a callboard with the agents of ``app`` for one test alone."""

    @pytest.fixture
    def board(tmp_path: Path) -> Iterator[Running]:
        with _up(tmp_path / "board", app, *options) as running:
            yield running

    return board


def run(board: Running, *arguments: str, stdin: bytes = b"") -> Ran:
    """Run a command of `callboard` against ``board``."""
    return callboard(*arguments, "--nats", board.url, stdin=stdin)


async def ended(url: str, *tasks: dict[str, Any]) -> None:
    """Have tasks with these fields submitted at ``url`` one after the other, and wait for the end of each."""
    async with Client(url) as client:
        for task in tasks:
            await client.submit_and_wait("x", wait_seconds=20, **task)


@contextlib.contextmanager
def _up(directory: Path, app: Path, *options: str) -> Iterator[Running]:
    running = Running(directory, "--port", "0", "--app", str(app), *options)
    try:
        yield running
    finally:
        running.kill()
