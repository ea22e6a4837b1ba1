"""Twenty times killed with everything it started, at random moments under load: nothing is lost, nothing done twice.

The load comes from a client that shares no code with callboard. CRASH_SEED repeats the choices of a run.
"""

import asyncio
import os
import random
import shutil
from pathlib import Path

from callboard.projections.difference import first_difference
from callboard.view_set import FILE
from tests.support.board_audit import defects
from tests.support.command_line import callboard
from tests.support.doomed import Doomed, doomed
from tests.support.executions import check_executions, executions
from tests.support.load import Load
from tests.support.load_audit import check_load

APP = Path(__file__).parents[1] / "data" / "noting_agents.py"
KILLS = 20
WHILE_STARTING = 0.25
LONGEST_START_SECONDS = 1.0
LONGEST_LOAD_SECONDS = 1.5
OPTIONS = ("--app", str(APP), "--ack-wait", "5")


def test_every_acknowledged_submission_ends_once(tmp_path: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED") or random.randrange(2**32))
    print(f"CRASH_SEED={seed}")  # noqa: T201 - shown when the test fails
    chance = random.Random(seed)
    directory, log, notes = tmp_path / "board", tmp_path / "board.log", tmp_path / "notes"
    load = Load(chance, notes)
    for _ in range(KILLS):
        with doomed(directory, log, *OPTIONS) as board:
            survive_less(board, load, chance)

    with doomed(directory, log, *OPTIONS) as last:
        audit = asyncio.run(check_load(last.await_ready(), load, KILLS))
        assert last.stop() == 0

    check_executions(executions(notes), audit.tasks)
    check_views(directory, tmp_path / "live.sqlite3")
    assert defects(log.read_text(encoding="utf-8")) == []


def survive_less(board: Doomed, load: Load, chance: random.Random) -> None:
    """Kill ``board`` while it starts, or under load."""
    if chance.random() < WHILE_STARTING:
        assert board.outlives(chance.uniform(0, LONGEST_START_SECONDS))
        board.kill(chance)
    else:
        asyncio.run(killed_under_load(board, load, chance))


async def killed_under_load(board: Doomed, load: Load, chance: random.Random) -> None:
    publishing = asyncio.create_task(load.run(board.await_ready()))
    done, _ = await asyncio.wait({publishing}, timeout=chance.uniform(0, LONGEST_LOAD_SECONDS))
    assert not done, "expected the load to go on until the end"
    board.kill(chance)
    await publishing


def check_views(directory: Path, live: Path) -> None:
    """Check that the views as they were left equal those that are built anew from the log."""
    shutil.copy(directory / FILE, live)
    assert callboard("projections", "rebuild", "--dir", str(directory)).code == 0
    assert first_difference(live, directory / FILE) is None
