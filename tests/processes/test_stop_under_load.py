"""Stopped by SIGTERM under load, one process or one of several: nothing is lost, nothing that had finished runs again.

The load comes from a client that shares no code with callboard. CRASH_SEED repeats the choices of a run.
"""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.support.board_audit import defects
from tests.support.doomed import doomed
from tests.support.executions import check_executions, executions
from tests.support.load import Load
from tests.support.load_audit import check_load
from tests.support.log_audit import LogAudit
from tests.support.troupe import APP, Troupe
from tests.support.wire_event import WireEvent

STOPS = 6
LONGEST_LOAD_SECONDS = 0.6


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("CRASH_SEED") or random.randrange(2**32))
    print(f"CRASH_SEED={seed}")  # noqa: T201 - shown when the test fails
    return random.Random(seed)


@pytest.mark.parametrize("grace", ["10", "0"])
def test_one_process_with_its_own_server(tmp_path: Path, chance: random.Random, grace: str) -> None:
    load, log = Load(chance, tmp_path / "notes"), tmp_path / "board.log"
    options = ("--app", str(APP), "--grace", grace)
    for _ in range(STOPS):
        with doomed(tmp_path / "board", log, *options) as board:
            asyncio.run(stopped_under_load(board.await_ready(), load, chance, board.process.terminate))
            assert board.wait() == 0

    with doomed(tmp_path / "board", log, *options) as last:
        audit = asyncio.run(check_load(last.await_ready(), load, STOPS))
        assert last.stop() == 0

    check_executions(executions(tmp_path / "notes"), audit.tasks)
    assert lost(audit) == []
    assert defects(log.read_text(encoding="utf-8")) == []
    if grace == "10":
        assert released(audit) == []


async def test_several_processes_one_after_the_other(troupe: Troupe, chance: random.Random) -> None:
    load = Load(chance, troupe.notes)
    for name in ("a", "b", "c"):
        troupe.start(name)
    for name in ("a", "b", "c", "a", "b", "c"):
        async with loading(troupe.url, load) as publishing:
            await asyncio.wait({publishing}, timeout=chance.uniform(0, LONGEST_LOAD_SECONDS))
            assert await asyncio.to_thread(troupe.boards[name].stop) == 0
            await asyncio.to_thread(troupe.start, name)

    audit = await check_load(troupe.url, load, STOPS)
    assert [board.stop() for board in troupe.boards.values()] == [0] * 3
    check_executions(troupe.executions(), audit.tasks)
    assert lost(audit) == released(audit) == []
    assert [line for name in troupe.boards for line in defects(troupe.log(name))] == []


async def stopped_under_load(url: str, load: Load, chance: random.Random, stop: Callable[[], None]) -> None:
    async with loading(url, load) as publishing:
        await asyncio.wait({publishing}, timeout=chance.uniform(0, LONGEST_LOAD_SECONDS))
        stop()
        # Its server ends with it, and the connection with that.
        await asyncio.wait({publishing}, timeout=30)


@contextlib.asynccontextmanager
async def loading(url: str, load: Load) -> AsyncIterator["asyncio.Task[None]"]:
    """Have the load run meanwhile."""
    publishing = asyncio.create_task(load.run(url))
    yield publishing
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)


def failures(audit: LogAudit, kind: str) -> list[WireEvent]:
    events = [event for task in audit.tasks.values() for event in task.events if event.name == "attempt_failed"]
    return [event for event in events if event.fields["error"]["type"] == kind]


def lost(audit: LogAudit) -> list[WireEvent]:
    """Return the attempts whose worker was lost: none, when every process has stopped in order."""
    return failures(audit, "WorkerLost")


def released(audit: LogAudit) -> list[WireEvent]:
    """Return the attempts that were handed back: none, when all of them had the time to end."""
    return failures(audit, "Released")
