"""A whole callboard inside the test's own process, on a real server, so that a test can get at its actors.

with stage(tmp_path, server) as stage:
    stage.crash("orchestrator")
"""

import contextlib
import queue
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pykka

from callboard.actors.channels.channel import Channel
from callboard.actors.loading import load
from callboard.app import App
from callboard.config import Config
from tests.support.executions import executions
from tests.support.log_lines import LogLines, captured
from tests.support.nats_server import NatsServer
from tests.support.waiting import eventually

APP = Path(__file__).parents[1] / "data" / "noting_agents.py"


class OddApp(App):
    """An app with channels that no callboard has."""

    odd_channels: Sequence[Channel] = ()

    def _open_channels(self, *given: Any, **named: Any) -> dict[str, Channel]:
        return {**super()._open_channels(*given, **named), **{channel.name: channel for channel in self.odd_channels}}


class Nonsense:
    """A message that no actor knows."""


class Stage:
    """A running app, what it has logged, and what it gave up for."""

    def __init__(
        self, directory: Path, server: NatsServer, lines: LogLines, channels: Sequence[Channel] = (), **settings: Any
    ) -> None:
        self.notes, self.go, self.lines = directory / "notes", directory / "go", lines
        self.given_up: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
        config = Config.build(**{"directory": directory / "board", "nats_url": server.url, **settings})
        self.app = OddApp(config, load(str(APP)), gave_up=self.given_up.put)
        self.app.odd_channels = channels

    def submission(self, task_id: str, **work: Any) -> dict[str, Any]:
        """Return a submission whose executions are noted."""
        return {"id": task_id, "input": {"go": str(self.go), **work}, "metadata": {"notes": str(self.notes)}}

    def actor(self, name: str) -> "pykka.ActorRef[Any]":
        """Return the actor that runs under that name now."""
        return self.app._roster[name]

    async def ran(self, count: int) -> None:
        """Wait until more than ``count`` executions were noted."""
        await eventually(lambda: len(executions(self.notes)) > count, f"more than {count} handlers ran")

    async def crash(self, name: str) -> None:
        """Make an actor crash and wait for its successor."""
        before = self.actor(name)
        before.tell(Nonsense())
        await eventually(lambda: self.actor(name) is not before, f"{name} runs again")


@contextlib.contextmanager
def stage(directory: Path, server: NatsServer, **settings: Any) -> Iterator[Stage]:
    """Start an app and stop it at the end."""
    with captured() as lines:
        made = Stage(directory, server, lines, **settings)
        made.app.start()
        try:
            yield made
        finally:
            made.app.stop(0)
