"""A real nats-server for tests: a store and a port of its own, which it keeps when it is stopped and started again.

def test_…(nats_server: NatsServer) -> None:          # one for all tests of a module
def test_…(fresh_nats_server: NatsServer) -> None:    # one for this test alone
"""

import os
import signal
from pathlib import Path

from callboard.server import CONFIG, Server
from tests.support.ports import free_port
from tests.support.processes import suspended
from tests.support.waiting import until


class NatsServer:
    """A nats-server on 127.0.0.1 under ``directory``, started; ``config`` replaces the shipped nats.conf."""

    def __init__(self, directory: Path, config: Path = CONFIG) -> None:
        self.directory = directory
        self._server = Server(directory, free_port(), config=config)
        self.start()

    @property
    def url(self) -> str:
        assert self._server.url is not None
        return self._server.url

    @property
    def pid(self) -> int:
        assert self._server.pid is not None
        return self._server.pid

    def start(self) -> None:
        """Start it again on the same store and port."""
        self._server.start()

    def stop(self) -> None:
        """Stop it in order; clients see the connection close."""
        self._server.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._server.kill()

    def suspend(self) -> None:
        """Stop the process in its tracks: connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)
        # The signal stops one thread after the other; until the last one stands still, it may answer.
        until(lambda: suspended(self.pid), "the server stands still")

    def resume(self) -> None:
        """Let it go on where it was suspended."""
        os.kill(self.pid, signal.SIGCONT)
