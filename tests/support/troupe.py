"""Several callboards on one server, each with roles, a directory and a log of its own."""

import os
import signal
from pathlib import Path
from typing import Any

from tests.support.board_audit import defects
from tests.support.doomed import Doomed
from tests.support.executions import Execution, check_executions, executions
from tests.support.idle import check_idle_board
from tests.support.log_audit import LogAudit
from tests.support.nats_server import NatsServer
from tests.support.waiting import eventually
from tests.support.wire import Wire

APP = Path(__file__).parents[1] / "data" / "noting_agents.py"
ACK_WAIT = "2"


class Troupe:
    """Callboards by name; those of the app note each execution, and wait for the file ``go`` when they are told to."""

    def __init__(self, directory: Path, server: NatsServer) -> None:
        self.url, self.notes, self.go = server.url, directory / "notes", directory / "go"
        self.boards: dict[str, Doomed] = {}
        self._directory = directory

    def begin(self, name: str, roles: str | None = None, app: Path | None = APP, *options: str) -> Doomed:
        """Start one and do not wait for it."""
        arguments = ["--nats", self.url, "--ack-wait", ACK_WAIT, *options]
        arguments += [] if app is None else ["--app", str(app)]
        arguments += [] if roles is None else ["--roles", roles]
        board = Doomed(self._directory / name, self._directory / f"{name}.log", *arguments)
        self.boards[name] = board
        return board

    def start(self, name: str, roles: str | None = None, app: Path | None = APP, *options: str) -> Doomed:
        """Start one and return it once it is ready."""
        board = self.begin(name, roles, app, *options)
        board.await_ready()
        return board

    def submission(self, task_id: str, **work: Any) -> dict[str, Any]:
        """Return a submission whose executions are noted."""
        return {"id": task_id, "input": {"go": str(self.go), **work}, "metadata": {"notes": str(self.notes)}}

    async def submit(self, agent: str | None, *submissions: dict[str, Any]) -> None:
        """Publish submissions, for an agent or to be routed."""
        wire = await Wire.open(self.url)
        subject = "callboard.submit" if agent is None else f"callboard.submit.{agent}"
        for submission in submissions:
            await wire.publish(subject, submission)
        await wire.close()

    def executions(self) -> list[Execution]:
        """Return what the handlers have noted."""
        return executions(self.notes)

    def log(self, name: str) -> str:
        """Return what one has logged so far."""
        return (self._directory / f"{name}.log").read_text(encoding="utf-8")

    async def logged(self, name: str, event: str, seconds: float = 20.0) -> None:
        """Wait until one has logged ``event``."""
        await eventually(lambda: f'"{event}"' in self.log(name), f"{name} logs {event}", seconds)

    def freeze(self, name: str) -> None:
        """Suspend one, as a machine that sleeps would."""
        os.kill(self.boards[name].process.pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let one go on."""
        os.kill(self.boards[name].process.pid, signal.SIGCONT)

    async def check(self) -> LogAudit:
        """Check all that was done, once there is nothing left to do."""
        await check_idle_board(self.url)
        wire = await Wire.open(self.url)
        audit = await LogAudit.of(wire)
        await wire.close()
        check_executions(self.executions(), audit.tasks)
        assert [line for name in self.boards for line in defects(self.log(name))] == []
        return audit

    def end(self) -> None:
        """Leave nothing behind."""
        for name, board in self.boards.items():
            if board.process.poll() is None:
                self.thaw(name)
            board.kill()
