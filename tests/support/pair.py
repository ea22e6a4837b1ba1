"""Callboards that share one server, each with a directory of its own."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.doomed import Doomed
from tests.support.executions import check_executions, executions
from tests.support.idle import check_idle_board
from tests.support.log_audit import LogAudit
from tests.support.nats_server import NatsServer
from tests.support.waiting import eventually
from tests.support.wire import Wire

APP = Path(__file__).parents[1] / "data" / "noting_agents.py"
ACK_WAIT_SECONDS = 2


class Pair:
    """Callboards with directories of their own on one server."""

    def __init__(self, directory: Path, server: NatsServer) -> None:
        self.url, self.notes, self.go = server.url, directory / "notes", directory / "go"
        self.directory = directory
        self.boards: dict[str, Doomed] = {}

    def start(self, name: str) -> Doomed:
        """Start a board of that name and return it once it is ready."""
        board = self.start_unready(name)
        board.await_ready()
        return board

    def start_unready(self, name: str) -> Doomed:
        """Start a board of that name, which may not live until it is ready."""
        options = ("--nats", self.url, "--app", str(APP), "--ack-wait", str(ACK_WAIT_SECONDS))
        board = self.boards[name] = Doomed(self.directory / name, self.directory / f"{name}.log", *options)
        return board

    def submission(self, task_id: str, **work: Any) -> dict[str, Any]:
        return {"id": task_id, "input": {"go": str(self.go), **work}, "metadata": {"notes": str(self.notes)}}

    async def attempt_runs(self, number: int) -> None:
        await eventually(
            lambda: [one.attempt for one in executions(self.notes)][-1:] == [number], f"attempt {number} runs"
        )

    async def check(self) -> LogAudit:
        """Check all that was done, once there is nothing left to do."""
        await check_idle_board(self.url)
        wire = await Wire.open(self.url)
        audit = await LogAudit.of(wire)
        await wire.close()
        check_executions(executions(self.notes), audit.tasks)
        return audit

    async def submit(self, agent: str, *submissions: dict[str, Any]) -> None:
        """Publish submissions for an agent."""
        wire = await Wire.open(self.url)
        for submission in submissions:
            await wire.publish(f"callboard.submit.{agent}", submission)
        await wire.close()

    def log(self, name: str) -> str:
        """Return what a board has logged."""
        return (self.directory / f"{name}.log").read_text(encoding="utf-8")


@contextlib.contextmanager
def pair_on(directory: Path, server: NatsServer) -> Iterator[Pair]:
    """Have callboards on ``server``, and leave none behind."""
    pair = Pair(directory, server)
    try:
        yield pair
    finally:
        for board in pair.boards.values():
            if board.process.poll() is None:
                os.kill(board.process.pid, signal.SIGCONT)
            board.kill()
