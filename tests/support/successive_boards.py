"""One callboard after the other, on one server and directory."""

from pathlib import Path
from typing import Any, Final

from callboard.actors.loading import load
from callboard.app import App
from callboard.config import Config
from tests.support.log_lines import LogLines
from tests.support.nats_server import NatsServer

AGENTS: Final = Path(__file__).parents[1] / "data" / "heartbeat_agents.py"


class Boards:
    """Starts and stops them; ``lines`` has what all of them logged."""

    def __init__(self, directory: Path, server: NatsServer, lines: LogLines) -> None:
        self._directory, self._url, self.lines = directory, server.url, lines
        self._app: App | None = None

    def start(self, app: Path | None = AGENTS, **settings: Any) -> None:
        """Start the next one, with the agents of ``app`` (None: without any)."""
        config = Config.build(directory=self._directory / "board", nats_url=self._url, **settings)
        self._app = App(config, [] if app is None else load(str(app)))
        self._app.start()

    def stop(self) -> None:
        """Stop the one that runs, if one does."""
        app, self._app = self._app, None
        if app is not None:
            app.stop(0)
