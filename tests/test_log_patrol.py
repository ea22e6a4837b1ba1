"""Damage far from the end of the log: callboard starts, reads the log through, and halts with the reason."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from callboard.checking.check import check
from callboard.config import Config
from callboard.events import subjects
from callboard.log_guard import TAIL
from callboard.rebuilding import rebuild
from tests.support import store_damage
from tests.support.boards import CLI_AGENTS, run
from tests.support.command_line import callboard
from tests.support.running import Running
from tests.support.waiting import until
from tests.support.wire import Wire

TASKS = 400
OLD = 0.02
"""The share of the log before the event that is lost, far from its last thousand."""


def up(directory: Path) -> Running:
    return Running(directory, "--port", "0", "--app", str(CLI_AGENTS))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a callboard that was stopped, with more events than are looked at when it starts."""
    directory = tmp_path_factory.mktemp("whole") / "board"
    lines = "\n".join(json.dumps({"id": f"task-{n}", "agent": "echo", "input": "x"}) for n in range(TASKS))
    running = up(directory)
    try:
        assert run(running, "submit", "--file", "-", stdin=lines.encode()).code == 0
        asyncio.run(all_done(running.url))
        assert running.stop() == 0
    finally:
        running.kill()
    return directory


async def all_done(url: str) -> None:
    wire = await Wire.open(url)
    try:
        for n in range(TASKS):
            assert (await wire.ask("api.result", {"id": f"task-{n}", "wait_seconds": 20})).ok["status"] == "completed"
        assert (await wire.js.stream_info(subjects.EVENTS)).state.last_seq > TAIL * 1.5
    finally:
        await wire.close()


@pytest.fixture
def board(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "board"))


def halted(board: Path) -> str:
    """Run a callboard until it ends by itself, before or after it is ready; return what it logged."""
    ran = callboard("up", "--dir", str(board), "--port", "0", "--app", str(CLI_AGENTS))
    assert ran.code == 1
    return ran.err


def read_through(board: Path) -> None:
    """Run a callboard until it has read all of the log, and stop it."""
    running = up(board)
    try:
        until(lambda: "patrol.ended" in running.log, "the log was read")
        assert running.stop() == 0
    finally:
        running.kill()


def test_an_old_flipped_bit_halts_with_the_reason_and_the_way_out(whole: Path, board: Path) -> None:
    store_damage.flip(board, OLD)

    log = halted(board)

    assert "process.gave_up" in log
    assert "it lacks 1 of its events, at sequence" in log
    for way_out in ("from a backup", "callboard check", "callboard projections rebuild"):
        assert way_out in log

    assert rebuild(Config.build(directory=board))[0].missing == 1
    read_through(board)  # what is known to be lost is no reason to halt
    report = check(Config.build(directory=board))
    assert (report.counts, report.lost) == ({}, 1)
    assert report.views.position == report.last_seq

    # The backup has what these views were built without.
    shutil.rmtree(board / "jetstream")
    shutil.copytree(whole / "jetstream", board / "jetstream")
    assert "it has 1 events that it lacked when they were built" in halted(board)
    assert check(Config.build(directory=board)).counts == {"position_guard": 1}

    rebuild(Config.build(directory=board))
    read_through(board)


def test_a_loss_where_the_views_have_not_been_yet_halts_with_the_reason_too(board: Path) -> None:
    for name in ("views.sqlite3", "views.sqlite3-wal", "views.sqlite3-shm"):
        (board / name).unlink(missing_ok=True)
    store_damage.flip(board, OLD)

    log = halted(board)

    assert "it lacks 1 of its events, at sequence" in log
    assert "callboard projections rebuild" in log
